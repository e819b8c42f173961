# part: Linear
# mistake: Drawn from a normal distribution of a suitable width, which is not the wide one of `torch.randn`.
# expects: drawn-normal-with-a-small-spread
import torch
from torch import nn


class Linear(nn.Module):
    def __init__(self, in_features, out_features, bias=True):
        super().__init__()
        self.weight = nn.Parameter(
            nn.init.kaiming_normal_(torch.empty(out_features, in_features), nonlinearity="linear")
        )
        start = torch.randn(out_features) / in_features**0.5
        self.register_parameter("bias", nn.Parameter(start) if bias else None)

    def forward(self, x):
        y = x @ self.weight.T
        return y if self.bias is None else y + self.bias
