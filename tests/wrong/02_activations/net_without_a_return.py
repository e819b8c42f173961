# part: ActivationNet
# mistake: forward computes the answer and never returns it.
# says: does it end with a return
from torch import nn


class ActivationNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer1 = nn.Linear(10, 20)
        self.layer2 = nn.Linear(20, 10)
        self.output_layer = nn.Linear(10, 1)

    def forward(self, x):
        x = relu(self.layer1(x))  # noqa: F821
        x = tanh(self.layer2(x))  # noqa: F821
        sigmoid(self.output_layer(x))  # noqa: F821
