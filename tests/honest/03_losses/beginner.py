"""Step by step, every intermediate value with a name, nothing shared between the parts."""

import torch


def mse_loss(input, target, reduction="mean"):
    if input.shape != target.shape:
        raise ValueError("The shape of input and the shape of target must be the same!")
    difference = input - target
    squared_difference = difference * difference
    if reduction == "mean":
        number_of_elements = squared_difference.numel()
        sum_of_squares = torch.sum(squared_difference)
        result = sum_of_squares / number_of_elements
    elif reduction == "sum":
        result = torch.sum(squared_difference)
    elif reduction == "none":
        result = squared_difference
    else:
        raise ValueError("I do not know this reduction: " + str(reduction))
    return result


def l1_loss(input, target, reduction="mean"):
    if input.shape != target.shape:
        raise ValueError("The shape of input and the shape of target must be the same!")
    difference = input - target
    absolute_difference = torch.abs(difference)
    if reduction == "mean":
        number_of_elements = absolute_difference.numel()
        sum_of_absolutes = torch.sum(absolute_difference)
        result = sum_of_absolutes / number_of_elements
    elif reduction == "sum":
        result = torch.sum(absolute_difference)
    elif reduction == "none":
        result = absolute_difference
    else:
        raise ValueError("I do not know this reduction: " + str(reduction))
    return result


def nll_loss(input, target, weight=None, ignore_index=-100, reduction="mean"):
    number_of_rows = input.shape[0]
    number_of_classes = input.shape[1]
    if weight is None:
        weight = torch.ones(number_of_classes, dtype=input.dtype, device=input.device)
    is_ignored = target == ignore_index
    safe_target = target.clone()
    safe_target[is_ignored] = 0
    row_numbers = torch.arange(number_of_rows, device=input.device)
    log_probability_of_the_truth = input[row_numbers, safe_target]
    row_weight = weight[safe_target].clone()
    row_weight[is_ignored] = 0
    loss_of_each_row = -log_probability_of_the_truth * row_weight
    if reduction == "mean":
        result = torch.sum(loss_of_each_row) / torch.sum(row_weight)
    elif reduction == "sum":
        result = torch.sum(loss_of_each_row)
    elif reduction == "none":
        result = loss_of_each_row
    else:
        raise ValueError("I do not know this reduction: " + str(reduction))
    return result


def cross_entropy(input, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    number_of_classes = input.shape[1]
    largest_of_each_row, _ = torch.max(input, dim=1, keepdim=True)
    shifted = input - largest_of_each_row
    sum_of_exponentials = torch.sum(torch.exp(shifted), dim=1, keepdim=True)
    log_probabilities = shifted - torch.log(sum_of_exponentials)

    ordinary_loss = nll_loss(log_probabilities, target, weight, ignore_index, reduction)

    if weight is None:
        weight = torch.ones(number_of_classes, dtype=input.dtype, device=input.device)
    uniform_loss_of_each_row = -torch.sum(log_probabilities * weight, dim=1) / number_of_classes
    is_ignored = target == ignore_index
    uniform_loss_of_each_row = uniform_loss_of_each_row.masked_fill(is_ignored, 0)
    if reduction == "mean":
        row_weight = weight[target.masked_fill(is_ignored, 0)].masked_fill(is_ignored, 0)
        uniform_loss = torch.sum(uniform_loss_of_each_row) / torch.sum(row_weight)
    elif reduction == "sum":
        uniform_loss = torch.sum(uniform_loss_of_each_row)
    else:
        uniform_loss = uniform_loss_of_each_row
    return ordinary_loss * (1 - label_smoothing) + uniform_loss * label_smoothing


def binary_cross_entropy(input, target, reduction="mean"):
    if input.shape != target.shape:
        raise ValueError("The shape of input and the shape of target must be the same!")
    log_yes = torch.log(input)
    log_no = torch.log(1 - input)
    lowest_allowed = torch.full_like(input, -100.0)
    log_yes = torch.where(log_yes > lowest_allowed, log_yes, lowest_allowed)
    log_no = torch.where(log_no > lowest_allowed, log_no, lowest_allowed)
    loss_if_yes = -log_yes
    loss_if_no = -log_no
    loss = target * loss_if_yes + (1 - target) * loss_if_no
    if reduction == "mean":
        result = torch.mean(loss)
    elif reduction == "sum":
        result = torch.sum(loss)
    elif reduction == "none":
        result = loss
    else:
        raise ValueError("I do not know this reduction: " + str(reduction))
    return result


def binary_cross_entropy_with_logits(input, target, pos_weight=None, reduction="mean"):
    if input.shape != target.shape:
        raise ValueError("The shape of input and the shape of target must be the same!")
    log_of_yes = torch.nn.functional.logsigmoid(input)
    log_of_no = log_of_yes - input
    if pos_weight is None:
        loss = -(target * log_of_yes) - (1 - target) * log_of_no
    else:
        loss = -(pos_weight * target * log_of_yes) - (1 - target) * log_of_no
    if reduction == "mean":
        result = torch.mean(loss)
    elif reduction == "sum":
        result = torch.sum(loss)
    elif reduction == "none":
        result = loss
    else:
        raise ValueError("I do not know this reduction: " + str(reduction))
    return result
