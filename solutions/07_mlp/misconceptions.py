"""Wrong solutions of 07_mlp that students write, each with its explanation."""

from itertools import pairwise

import torch
from nnkata.grader.authors import classifier_training, misconception, recurring
from torch import nn
from torch.nn import functional as F


class _MLP(nn.Module):
    """A right MLP whose steps can be replaced one by one."""

    bias = True

    def __init__(self, sizes=(784, 512, 128, 10), dropout=0.0):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(a, b, bias=self.bias) for a, b in pairwise(sizes))
        self.p = dropout

    def begin(self, x):
        return x.flatten(1)

    def activate(self, x):
        return x.relu()

    def drop(self, x):
        return F.dropout(x, self.p, self.training)

    def end(self, x):
        return x

    def forward(self, x):
        x = self.begin(x)
        for layer in self.layers[:-1]:
            x = self.drop(self.activate(layer(x)))
        return self.end(self.layers[-1](x))


@misconception(
    "MLP",
    "relu-after-the-last-layer",
    "Your network ends with a ReLU, so it can never give a negative logit: every class that it wants to "
    "rule out gets 0, and no "
    "gradient tells it to go lower.",
    "ReLU belongs between the layers. Treat the last one apart from the loop.",
    fails=["test_mlp_solves_xor_by_hand", "test_mlp_computes_the_logits"],
)
class ReluLast(_MLP):
    def end(self, x):
        return x.relu()


@misconception(
    "MLP",
    "last-layer-like-the-others",
    "Your last layer is treated like the hidden ones: a ReLU and dropout come after it. Its logits can never be "
    "negative, and in training some of them are replaced by 0.",
    "What comes after the last layer? Treat it apart from the loop.",
    fails=["test_mlp_solves_xor_by_hand", "test_mlp_drops_only_hidden_units"],
)
class LastLikeTheOthers(_MLP):
    def end(self, x):
        return self.drop(x.relu())


@recurring.probabilities_at_the_end(
    "MLP", id="softmax-at-the-end", fails=["test_mlp_solves_xor_by_hand", "test_mlp_computes_the_logits"]
)
class SoftmaxLast(_MLP):
    def end(self, x):
        return x.softmax(1)


@recurring.log_probabilities_at_the_end(
    "MLP", id="log-softmax-at-the-end", fails=["test_mlp_solves_xor_by_hand", "test_mlp_computes_the_logits"]
)
class LogSoftmaxLast(_MLP):
    def end(self, x):
        return x.log_softmax(1)


@misconception(
    "MLP",
    "no-activation",
    "There is no ReLU between your layers. A linear map of a linear map is a linear map: 784-512-128-10 "
    "without ReLU can do no more "
    "than a single layer 784-10, and XOR is out of its reach.",
    "Bend the line: apply ReLU to what each hidden layer gives.",
    fails=["test_mlp_solves_xor_by_hand", "test_mlp_computes_the_logits", "test_mlp_gradients"],
)
class NoActivation(_MLP):
    def activate(self, x):
        return x


@misconception(
    "MLP",
    "sigmoid-instead-of-relu",
    "Your hidden layers use a sigmoid. It squeezes everything into (0, 1), and its slope is at most 1/4, so "
    "the gradient shrinks "
    "at each layer.",
    "ReLU is asked for.",
    fails=["test_mlp_solves_xor_by_hand", "test_mlp_computes_the_logits"],
)
class SigmoidBetween(_MLP):
    def activate(self, x):
        return x.sigmoid()


@misconception(
    "MLP",
    "sizes-ignored",
    "You build 784-512-128-10 whatever `sizes` says.",
    "Walk over neighbouring pairs of `sizes`, and make one linear layer for each pair.",
    fails=["test_mlp_parameters_follow_sizes", "test_mlp_computes_the_logits"],
)
class SizesIgnored(_MLP):
    def __init__(self, sizes=(784, 512, 128, 10), dropout=0.0):
        super().__init__((784, 512, 128, 10), dropout)


@misconception(
    "MLP",
    "output-layer-forgotten",
    "Your network has one layer too few: its last layer gives `sizes[-2]` numbers. Four sizes make three layers.",
    "Count the gaps between the sizes, not the hidden layers.",
    fails=["test_mlp_parameters_by_default", "test_mlp_parameters_follow_sizes"],
)
class OutputForgotten(_MLP):
    def __init__(self, sizes=(784, 512, 128, 10), dropout=0.0):
        super().__init__(sizes[:-1], dropout)


@misconception(
    "MLP",
    "layers-in-a-plain-list",
    "Your layers are in a plain Python list, where `nn.Module` does not look: the network has no "
    "parameters, so an optimizer has "
    "nothing to train and `.to(device)` nothing to move.",
    "Keep them in an `nn.ModuleList` or an `nn.Sequential`.",
    fails=["test_mlp_parameters_by_default", "test_mlp_parameters_can_learn"],
)
class PlainList(_MLP):
    def __init__(self, sizes=(784, 512, 128, 10), dropout=0.0):
        super().__init__(sizes, dropout)
        layers = list(self.layers)
        del self.layers
        self.layers = layers


@misconception(
    "MLP",
    "registered-out-of-order",
    "Your parameters are not registered in the order in which they are used: the output layer comes before "
    "the hidden ones. Whoever "
    "loads weights into your network by their order puts them into the wrong layers.",
    "Make the layers in the order of `forward`, each registered once.",
    fails=["test_mlp_parameters_by_default", "test_mlp_parameters_follow_sizes"],
)
class OutOfOrder(nn.Module):
    def __init__(self, sizes=(784, 512, 128, 10), dropout=0.0):
        super().__init__()
        self.last = nn.Linear(sizes[-2], sizes[-1])
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes[:-1]))
        self.p = dropout

    def forward(self, x):
        x = x.flatten(1)
        for layer in self.hidden:
            x = F.dropout(layer(x).relu(), self.p, self.training)
        return self.last(x)


@misconception(
    "MLP",
    "no-bias",
    "Your layers have no bias, so every unit's border runs through the origin, and for a black image all logits are 0.",
    "Leave `nn.Linear`'s bias on.",
    fails=["test_mlp_parameters_by_default", "test_mlp_parameters_follow_sizes"],
)
class NoBias(_MLP):
    bias = False


@misconception(
    "MLP",
    "not-flattened",
    "You hand the images to the first layer as they come. A linear layer works on the last dimension, so it "
    "sees rows of 28 pixels "
    "where it expects all 784.",
    "Flatten everything after the first dimension.",
    fails=["test_mlp_flattens_whatever_comes_in"],
)
class NotFlattened(_MLP):
    def begin(self, x):
        return x


@misconception(
    "MLP",
    "view-needs-one-piece",
    "You flatten with `view`, which raises an error for images that do not lie in memory in one piece: a "
    "transposed image, or a crop.",
    "`flatten` and `reshape` copy where they must.",
    fails=["test_mlp_of_other_memory_layouts"],
)
class ViewOnly(_MLP):
    def begin(self, x):
        return x.view(x.shape[0], -1)


@misconception(
    "MLP",
    "dropout-in-eval-mode-too",
    "Your dropout never ends: it also drops in eval mode, and two looks at the same image give two answers. "
    "`F.dropout` is on by "
    "default and knows nothing of the module's mode.",
    "Tell it the mode (`self.training`), or use the module `nn.Dropout`.",
    fails=["test_mlp_drops_nothing_in_eval_mode"],
)
class DropoutForever(_MLP):
    def drop(self, x):
        return F.dropout(x, self.p)


@misconception(
    "MLP",
    "dropout-never",
    "Your network takes `dropout`, but in training mode no hidden unit becomes 0.",
    "After each hidden ReLU comes a dropout that is active in training mode.",
    fails=["test_mlp_drops_after_each_hidden_relu"],
)
class DropoutNever(_MLP):
    def drop(self, x):
        return x


@misconception(
    "MLP",
    "dropout-on-the-logits",
    "Your last layer's result goes through dropout too: with dropout 0.25 a quarter of the answers is replaced by 0.",
    "Dropout belongs after hidden layers. Treat the last layer apart.",
    fails=["test_mlp_drops_only_hidden_units", "test_mlp_drops_after_each_hidden_relu"],
)
class DropoutLast(_MLP):
    def end(self, x):
        return self.drop(x)


@misconception(
    "MLP",
    "dropout-on-the-pixels",
    "You drop pixels before the first layer. Only what comes out of a hidden ReLU is to be dropped.",
    "Move the dropout behind the ReLU.",
    fails=["test_mlp_drops_only_hidden_units", "test_mlp_drops_after_each_hidden_relu"],
)
class DropoutFirst(_MLP):
    def begin(self, x):
        return self.drop(x.flatten(1))


@misconception(
    "MLP",
    "dropout-once",
    "Only one of your hidden layers is followed by dropout: of two layers with dropout 0.25, 0.75 of the "
    "values survive where "
    "0.75 · 0.75 = 0.5625 should.",
    "Every hidden ReLU is followed by one.",
    fails=["test_mlp_drops_after_each_hidden_relu"],
)
class DropoutOnce(_MLP):
    def forward(self, x):
        x = x.flatten(1)
        for layer in self.layers[:-1]:
            x = layer(x).relu()
        return self.layers[-1](self.drop(x) if len(self.layers) > 1 else x)


@misconception(
    "MLP",
    "dropout-is-not-the-share-that-stays",
    "You take `dropout` for the probability to stay. It is the probability to be dropped: 0.25 keeps three quarters.",
    "PyTorch's `nn.Dropout(p)` means it in the same way: hand `dropout` on as it is.",
    fails=["test_mlp_drops_after_each_hidden_relu"],
)
class DropoutKeeps(_MLP):
    def drop(self, x):
        return F.dropout(x, 1 - self.p if self.p else 0.0, self.training)


@misconception(
    "MLP",
    "dropout-not-scaled",
    "What your dropout keeps, it keeps as it is, so in training a layer gets less than in eval mode: with "
    "dropout 0.25 on average "
    "three quarters.",
    "Divide what stays by the probability to stay, as `nn.Dropout` does.",
    fails=["test_mlp_drops_after_each_hidden_relu"],
)
class DropoutUnscaled(_MLP):
    def drop(self, x):
        return x * (torch.rand_like(x) >= self.p) if self.training else x


@misconception(
    "MLP",
    "dropout-by-default",
    "You drop half of the units when nobody asked for it: `dropout` is 0.0 unless it is given.",
    "Take the default from the signature.",
    fails=["test_mlp_drops_nothing_by_default", "test_mlp_of_the_default_sizes"],
)
class DropoutDefault(_MLP):
    def __init__(self, sizes=(784, 512, 128, 10), dropout=None):
        super().__init__(sizes, dropout or 0.5)


@recurring.on_two_devices("MLP", id="mlp-on-two-devices", fails="test_mlp_on_another_device")
class MaskOnTheCpu(_MLP):
    def drop(self, x):
        keep = (torch.rand(x.shape) >= self.p).to(x.dtype) / (1 - self.p)
        return x * keep if self.training else x


@recurring.answers_on_the_cpu("MLP", id="mlp-answers-on-the-cpu", fails="test_mlp_on_another_device")
class AnswersOnTheCpu(_MLP):
    def end(self, x):
        return x.cpu()


@misconception(
    "MLP",
    "tanh-instead-of-relu",
    "Your hidden layers give what a tanh gives: everything is squeezed into (−1, 1), and far from 0 the slope is "
    "nearly none.",
    "ReLU is asked for.",
    fails=["test_mlp_solves_xor_by_hand", "test_mlp_computes_the_logits"],
)
class TanhBetween(_MLP):
    def activate(self, x):
        return x.tanh()


@misconception(
    "MLP",
    "gelu-instead-of-relu",
    "Your hidden layers give what a GELU gives. Transformers use it; here it is a ReLU.",
    "ReLU is asked for: negative sums become exactly 0.",
    fails="test_mlp_computes_the_logits",
)
class GeluBetween(_MLP):
    def activate(self, x):
        return F.gelu(x)


@misconception(
    "MLP",
    "leaky-relu-instead-of-relu",
    "Your hidden layers let a hundredth of what is negative through, as a leaky ReLU does.",
    "ReLU is asked for: negative sums become exactly 0.",
    fails="test_mlp_computes_the_logits",
)
class LeakyBetween(_MLP):
    def activate(self, x):
        return F.leaky_relu(x)


@misconception(
    "MLP",
    "relu-before-the-first-layer",
    "Your network gives what comes out if the pixels go through a ReLU first: all dark pixels, which are "
    "negative here, become 0, and the network cannot tell them apart.",
    "ReLU comes after a hidden layer, never before the first.",
    fails="test_mlp_computes_the_logits",
)
class ReluFirst(_MLP):
    def begin(self, x):
        return x.flatten(1).relu()


@misconception(
    "MLP",
    "equal-layers-shared",
    "Where several hidden layers have the same size, your network has too few parameters: one layer is used "
    "again and again, so that all of them have the same weights. `[layer] * n` does that, and a dictionary of "
    "layers by their sizes.",
    "Make a new `nn.Linear` for each neighbouring pair of sizes.",
    fails="test_mlp_parameters_follow_sizes",
)
class EqualShared(_MLP):
    def __init__(self, sizes=(784, 512, 128, 10), dropout=0.0):
        super().__init__(sizes, dropout)
        kept = {}
        for place, layer in enumerate(self.layers):
            self.layers[place] = kept.setdefault(tuple(layer.weight.shape), layer)


@misconception(
    "MLP",
    "rows-of-784-always",
    "Your network takes images of 784 numbers only, whatever `sizes[0]` says: somewhere it turns its input into "
    "rows of that length.",
    "Flatten everything after the first dimension, without naming a number.",
    fails=["test_mlp_flattens_whatever_comes_in", "test_mlp_solves_xor_by_hand"],
)
class RowsOf784(_MLP):
    def begin(self, x):
        return x.reshape(-1, 784)


@recurring.probabilities_in_eval_mode(
    "MLP", id="probabilities-in-eval-mode", fails=["test_mlp_solves_xor_by_hand", "test_mlp_computes_the_logits"]
)
class ProbabilitiesInEval(_MLP):
    def end(self, x):
        return x if self.training else x.softmax(1)


@misconception(
    "MLP",
    "dropout-always-one-half",
    "In training your network drops half of the hidden units, whatever `dropout` says.",
    "Hand the argument on.",
    fails=["test_mlp_drops_after_each_hidden_relu", "test_mlp_drops_nothing_by_default"],
)
class DropoutHalf(_MLP):
    def drop(self, x):
        return F.dropout(x, 0.5, self.training)


@misconception(
    "MLP",
    "weights-begin-at-zero",
    "Your weights all begin at 0. The units of a layer then get the same gradient, make the same step and stay "
    "the same for ever, and behind a layer of zeros nothing arrives at all.",
    "Leave the start to `nn.Linear`, which draws small random weights.",
    fails="test_mlp_parameters_can_learn",
)
class BeginsAtZero(_MLP):
    def __init__(self, sizes=(784, 512, 128, 10), dropout=0.0):
        super().__init__(sizes, dropout)
        for parameter in self.parameters():
            nn.init.zeros_(parameter)


@misconception(
    "MLP",
    "batch-norm-unasked",
    "Your network has more parameters than its linear layers: it normalises in between, which helps, but is not "
    "asked for, and no weights of others fit in.",
    "Linear layers, ReLU and dropout are all.",
    fails=["test_mlp_parameters_by_default", "test_mlp_parameters_follow_sizes"],
)
class NormUnasked(_MLP):
    def __init__(self, sizes=(784, 512, 128, 10), dropout=0.0):
        super().__init__()
        layers = [nn.Flatten()]
        for n_in, n_out in pairwise(sizes[:-1]):
            layers += [nn.Linear(n_in, n_out), nn.BatchNorm1d(n_out), nn.ReLU(), nn.Dropout(dropout)]
        self.layers = nn.Sequential(*layers, nn.Linear(sizes[-2], sizes[-1]))

    def forward(self, x):
        return self.layers(x)


@recurring.squeezed(
    "MLP",
    id="one-image-squeezed",
    fails=["test_mlp_flattens_whatever_comes_in", "test_mlp_solves_xor_by_hand"],
    example="a single image comes back as (10,) instead of (1, 10)",
)
class Squeezed(_MLP):
    def end(self, x):
        return x.squeeze()


@misconception(
    "MLP",
    "relu-before-the-last-layer-only",
    "Your network gives what comes out if only the last hidden layer is followed by a ReLU: the layers before it "
    "are one linear map together.",
    "Every hidden layer is followed by one: it belongs inside of the loop.",
    fails=["test_mlp_computes_the_logits", "test_mlp_gradients"],
)
class ReluOnce(_MLP):
    def forward(self, x):
        x = x.flatten(1)
        for layer in self.layers[:-1]:
            x = self.drop(layer(x))
        return self.layers[-1](x.relu() if len(self.layers) > 1 else x)


# -- LogSoftmaxMLP ---------------------------------------------------------------------------------------------------


class _LogSoftmaxMLP(nn.Module):
    """A right one whose steps can be replaced one by one."""

    def __init__(self):
        super().__init__()
        self.fc1, self.fc2, self.fc3 = nn.Linear(784, 128), nn.Linear(128, 64), nn.Linear(64, 10)

    def hidden(self, x):
        return self.fc2(self.fc1(x.flatten(1)).relu()).relu()

    def end(self, x):
        return x.log_softmax(1)

    def forward(self, x):
        return self.end(self.fc3(self.hidden(x)))


@misconception(
    "LogSoftmaxMLP",
    "logits-returned",
    "You return the logits. The negative log-likelihood loss would take them for log-probabilities, and "
    "make them larger without end.",
    "The last step is the log-softmax over the ten classes.",
    fails=["test_log_of_an_undecided_network", "test_log_rows_are_distributions"],
)
class Logits(_LogSoftmaxMLP):
    def end(self, x):
        return x


@misconception(
    "LogSoftmaxMLP",
    "probabilities-returned",
    "You return probabilities: the logarithm is missing. The negative log-likelihood loss only picks a "
    "number and turns its sign, so "
    "it would be −p, never below −1 and with hardly any slope where the network is wrong.",
    "There is a function that takes softmax and logarithm in one.",
    fails=["test_log_of_an_undecided_network", "test_log_rows_are_distributions"],
)
class Probabilities(_LogSoftmaxMLP):
    def end(self, x):
        return x.softmax(1)


@misconception(
    "LogSoftmaxMLP",
    "log-of-softmax",
    "You take the softmax and then its logarithm. In single precision a probability below 1e-45 is 0, and "
    "log 0 is −∞: a logit 200 "
    "below the best one is enough.",
    "Softmax and logarithm in one stay finite.",
    fails="test_log_stays_finite",
)
class LogOfSoftmax(_LogSoftmaxMLP):
    def end(self, x):
        return x.softmax(1).log()


@misconception(
    "LogSoftmaxMLP",
    "softmax-over-the-batch",
    "Your log-softmax runs down the batch instead of over the classes: each class shares its probability "
    "among the images, and a "
    "single image always gets log 1 = 0.",
    "The classes are dimension 1.",
    fails=["test_log_of_an_undecided_network", "test_log_computes_the_log_probabilities"],
)
class OverTheBatch(_LogSoftmaxMLP):
    def end(self, x):
        return x.log_softmax(0)


@misconception(
    "LogSoftmaxMLP",
    "relu-after-fc3",
    "There is a ReLU between fc3 and the log-softmax. It makes all negative logits equal, and their units "
    "stop learning.",
    "After fc3 comes the log-softmax and nothing else.",
    fails="test_log_computes_the_log_probabilities",
)
class ReluAfterFc3(_LogSoftmaxMLP):
    def end(self, x):
        return x.relu().log_softmax(1)


@misconception(
    "LogSoftmaxMLP",
    "no-activation-between",
    "There is no ReLU after fc1 and fc2: the three layers are one linear map.",
    "ReLU comes after both hidden layers.",
    fails=["test_log_computes_the_log_probabilities", "test_log_gradients"],
)
class LogNoActivation(_LogSoftmaxMLP):
    def hidden(self, x):
        return self.fc2(self.fc1(x.flatten(1)))


@misconception(
    "LogSoftmaxMLP",
    "one-relu-only",
    "There is a ReLU after fc1 but none after fc2, so fc2 and fc3 together are one linear map.",
    "ReLU comes after both hidden layers.",
    fails=["test_log_computes_the_log_probabilities", "test_log_gradients"],
)
class OneRelu(_LogSoftmaxMLP):
    def hidden(self, x):
        return self.fc2(self.fc1(x.flatten(1)).relu())


@misconception(
    "LogSoftmaxMLP",
    "other-names",
    "Your layers have other names than `fc1`, `fc2` and `fc3`, so nobody can load weights that were saved under these.",
    "Set them as attributes of the module, by these names.",
    fails="test_log_layers_have_their_names",
)
class OtherNames(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Flatten(),
            nn.Linear(784, 128),
            nn.ReLU(),
            nn.Linear(128, 64),
            nn.ReLU(),
            nn.Linear(64, 10),
            nn.LogSoftmax(1),
        )

    def forward(self, x):
        return self.layers(x)


@misconception(
    "LogSoftmaxMLP",
    "dropout-unasked",
    "In training mode your network gives other numbers than in eval mode, as a dropout makes it. There is none in this "
    "one.",
    "It is layers, ReLU and the log-softmax only.",
    fails="test_log_is_the_same_in_both_modes",
)
class Dropping(_LogSoftmaxMLP):
    def hidden(self, x):
        return F.dropout(super().hidden(x), 0.2, self.training)


@misconception(
    "LogSoftmaxMLP",
    "image-rows-not-flattened",
    "You hand the images to fc1 as they come: it sees rows of 28 pixels where it expects all 784.",
    "Flatten everything after the first dimension.",
    fails="test_log_flattens_whatever_comes_in",
)
class LogNotFlattened(_LogSoftmaxMLP):
    def hidden(self, x):
        return self.fc2(self.fc1(x).relu()).relu()


@recurring.on_two_devices("LogSoftmaxMLP", id="log-on-two-devices", fails="test_log_on_another_device")
class LogInputToTheCpu(_LogSoftmaxMLP):
    def hidden(self, x):
        return super().hidden(x.to("cpu"))


@recurring.answers_on_the_cpu("LogSoftmaxMLP", id="log-answers-on-the-cpu", fails="test_log_on_another_device")
class LogAnswersOnTheCpu(_LogSoftmaxMLP):
    def end(self, x):
        return x.log_softmax(1).cpu()


@misconception(
    "LogSoftmaxMLP",
    "softmax-before-the-log-softmax",
    "Your result is the log-softmax of a softmax: nearly the same number for all ten classes. No class can come "
    "near log 1 = 0.",
    "Log-softmax takes the logits themselves: the softmax is in it.",
    fails=["test_log_of_an_undecided_network", "test_log_computes_the_log_probabilities"],
)
class SoftmaxFirst(_LogSoftmaxMLP):
    def end(self, x):
        return x.softmax(1).log_softmax(1)


@misconception(
    "LogSoftmaxMLP",
    "sign-turned",
    "Your result has the other sign: the loss takes the minus itself, and would get one too many.",
    "Logarithms of probabilities are negative; return them so.",
    fails=["test_log_of_an_undecided_network", "test_log_computes_the_log_probabilities"],
)
class SignTurned(_LogSoftmaxMLP):
    def end(self, x):
        return -x.log_softmax(1)


@misconception(
    "LogSoftmaxMLP",
    "something-added-to-the-probabilities",
    "Your logarithm never falls below −18: that is what comes out if a small number is added to the "
    "probabilities to avoid log 0. It hides the failure, and takes the gradient with it.",
    "Softmax and logarithm in one need no such help.",
    fails="test_log_stays_finite",
)
class EpsilonAdded(_LogSoftmaxMLP):
    def end(self, x):
        return (x.softmax(1) + 1e-8).log()


@misconception(
    "LogSoftmaxMLP",
    "log-of-sigmoid",
    "Each class gets the logarithm of a sigmoid, on its own. Their probabilities do not sum to 1: ten yes-or-no "
    "questions are answered instead of one question with ten answers.",
    "What lets ten numbers compete for one probability?",
    fails=[
        "test_log_of_an_undecided_network",
        "test_log_computes_the_log_probabilities",
        "test_log_rows_are_distributions",
    ],
)
class LogSigmoid(_LogSoftmaxMLP):
    def end(self, x):
        return F.logsigmoid(x)


@misconception(
    "LogSoftmaxMLP",
    "log-softmax-over-everything",
    "Your log-softmax runs over all images and classes of the batch together: one distribution for all, instead "
    "of one a row.",
    "The classes are dimension 1.",
    fails=[
        "test_log_of_an_undecided_network",
        "test_log_computes_the_log_probabilities",
        "test_log_rows_are_distributions",
    ],
)
class OverEverything(_LogSoftmaxMLP):
    def end(self, x):
        return x.flatten().log_softmax(0).reshape(x.shape)


@misconception(
    "LogSoftmaxMLP",
    "sigmoid-between",
    "Your hidden layers give what a sigmoid gives: everything is squeezed into (0, 1), with a slope of at most 1/4.",
    "ReLU comes after both hidden layers.",
    fails=["test_log_computes_the_log_probabilities", "test_log_gradients"],
)
class LogSigmoidBetween(_LogSoftmaxMLP):
    def hidden(self, x):
        return self.fc2(self.fc1(x.flatten(1)).sigmoid()).sigmoid()


@misconception(
    "LogSoftmaxMLP",
    "tanh-between",
    "Your hidden layers give what a tanh gives: everything is squeezed into (−1, 1).",
    "ReLU comes after both hidden layers.",
    fails=["test_log_computes_the_log_probabilities", "test_log_gradients"],
)
class LogTanhBetween(_LogSoftmaxMLP):
    def hidden(self, x):
        return self.fc2(self.fc1(x.flatten(1)).tanh()).tanh()


@recurring.squeezed(
    "LogSoftmaxMLP",
    id="one-row-squeezed",
    fails="test_log_flattens_whatever_comes_in",
    example="a single image comes back as (10,) instead of (1, 10)",
)
class LogSqueezed(_LogSoftmaxMLP):
    def end(self, x):
        return x.log_softmax(1).squeeze()


@misconception(
    "LogSoftmaxMLP",
    "probabilities-kept-above-0",
    "Your logarithm never falls below −16.1: that is what comes out if the probabilities are kept above 1e-7 to "
    "avoid log 0. It hides the failure, and takes the gradient with it.",
    "Softmax and logarithm in one need no such help.",
    fails="test_log_stays_finite",
)
class ProbabilitiesClamped(_LogSoftmaxMLP):
    def end(self, x):
        return x.softmax(1).clamp(min=1e-7).log()


# -- train_classifier ------------------------------------------------------------------------------------------------


classifier_training.add_misconceptions()
