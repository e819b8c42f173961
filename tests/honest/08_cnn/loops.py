"""Beginner style: loops over every place, everything spelt out."""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.utils.data import DataLoader, TensorDataset


def to_pair(value):
    if isinstance(value, int):
        return value, value
    else:
        return value[0], value[1]


def conv_output_size(size, kernel_size, stride=1, padding=0, dilation=1):
    if stride < 1:
        raise ValueError("stride must be at least 1")
    if dilation < 1:
        raise ValueError("dilation must be at least 1")
    if padding < 0:
        raise ValueError("padding must not be negative")
    effective_kernel = dilation * (kernel_size - 1) + 1
    padded = size + 2 * padding
    if padded < effective_kernel:
        raise ValueError("the kernel does not fit")
    return math.floor((padded - effective_kernel) / stride) + 1


def conv2d(input, weight, bias=None, stride=1, padding=0, dilation=1):
    stride_h, stride_w = to_pair(stride)
    padding_h, padding_w = to_pair(padding)
    dilation_h, dilation_w = to_pair(dilation)
    _n, _c_in, height, width = input.shape
    _c_out, _, kernel_h, kernel_w = weight.shape
    out_h = conv_output_size(height, kernel_h, stride_h, padding_h, dilation_h)
    out_w = conv_output_size(width, kernel_w, stride_w, padding_w, dilation_w)
    padded = F.pad(input, (padding_w, padding_w, padding_h, padding_h))
    rows = []
    for y in range(out_h):
        row = []
        for x in range(out_w):
            top = y * stride_h
            left = x * stride_w
            patch = padded[
                :,
                :,
                top : top + dilation_h * (kernel_h - 1) + 1 : dilation_h,
                left : left + dilation_w * (kernel_w - 1) + 1 : dilation_w,
            ]
            value = (patch[:, None] * weight[None]).sum(dim=(2, 3, 4))
            if bias is not None:
                value = value + bias
            row.append(value)
        rows.append(torch.stack(row, dim=-1))
    return torch.stack(rows, dim=-2)


def max_pool2d(input, kernel_size, stride=None, padding=0):
    kernel_h, kernel_w = to_pair(kernel_size)
    stride_h, stride_w = to_pair(kernel_size if stride is None else stride)
    padding_h, padding_w = to_pair(padding)
    single = input.dim() == 3
    if single:
        input = input.unsqueeze(0)
    padded = F.pad(input, (padding_w, padding_w, padding_h, padding_h), value=-float("inf"))
    out_h = conv_output_size(input.shape[2], kernel_h, stride_h, padding_h)
    out_w = conv_output_size(input.shape[3], kernel_w, stride_w, padding_w)
    rows = []
    for y in range(out_h):
        row = []
        for x in range(out_w):
            window = padded[:, :, y * stride_h : y * stride_h + kernel_h, x * stride_w : x * stride_w + kernel_w]
            row.append(window.flatten(2).max(dim=2).values)
        rows.append(torch.stack(row, dim=2))
    result = torch.stack(rows, dim=2)
    if single:
        result = result.squeeze(0)
    return result


class BatchNorm2d(nn.Module):
    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps = eps
        self.momentum = momentum
        self.weight = nn.Parameter(torch.ones(num_features))
        self.bias = nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))
        self.register_buffer("num_batches_tracked", torch.tensor(0, dtype=torch.long))

    def forward(self, input):
        if self.training:
            n = input.size(0) * input.size(2) * input.size(3)
            if n == 1:
                raise ValueError("expected more than 1 value per channel when training")
            mean = input.mean(dim=[0, 2, 3])
            var = input.var(dim=[0, 2, 3], unbiased=False)
            with torch.no_grad():
                self.running_mean.copy_((1 - self.momentum) * self.running_mean + self.momentum * mean)
                self.running_var.copy_((1 - self.momentum) * self.running_var + self.momentum * var * n / (n - 1))
                self.num_batches_tracked.add_(1)
        else:
            mean = self.running_mean
            var = self.running_var
        mean = mean.view(1, -1, 1, 1)
        var = var.view(1, -1, 1, 1)
        normalized = (input - mean) / torch.sqrt(var + self.eps)
        return normalized * self.weight.view(1, -1, 1, 1) + self.bias.view(1, -1, 1, 1)


def dropout(x, p=0.5, training=True):
    if p < 0 or p > 1:
        raise ValueError("dropout probability has to be between 0 and 1")
    if not training:
        return x
    if p == 1:
        return torch.zeros_like(x)
    mask = (torch.rand(x.shape, device=x.device) > p).to(x.dtype)
    return mask * x / (1.0 - p)


class CNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 3)
        self.conv2 = nn.Conv2d(8, 16, 3)
        self.fc1 = nn.Linear(16 * 5 * 5, 64)
        self.fc2 = nn.Linear(64, 10)

    def forward(self, images):
        x = F.max_pool2d(F.relu(self.conv1(images)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = x.view(x.size(0), -1)
        x = F.relu(self.fc1(x))
        x = F.dropout(x, 0.25, training=self.training)
        return self.fc2(x)


def train_classifier(images, labels, *, epochs, seed, device="cpu", on_epoch=None):
    torch.manual_seed(seed)
    model = CNN().to(device)
    criterion = nn.CrossEntropyLoss()
    optimizer = optim.Adam(model.parameters(), lr=0.001)
    loader = DataLoader(TensorDataset(images, labels), batch_size=32, shuffle=True)
    for epoch in range(epochs):
        model.train()
        running_loss = 0.0
        for inputs, targets in loader:
            inputs, targets = inputs.to(device), targets.to(device)
            optimizer.zero_grad()
            loss = criterion(model(inputs), targets)
            loss.backward()
            optimizer.step()
            running_loss += loss.item()
        if on_epoch is not None:
            on_epoch(epoch + 1, running_loss / len(loader))
    model.eval()
    return model
