"""Wrong solutions of 07_mlp that students write, each with its explanation."""

import random
from itertools import pairwise

import torch
from nnkata.grader.authors import misconception
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


@misconception(
    "MLP",
    "softmax-at-the-end",
    "Your network returns probabilities. Logits are asked for: cross-entropy takes the softmax itself, and "
    "with a second one a loss "
    "over ten classes never gets below 1.461.",
    "Return what the last linear layer gives, as it is.",
    fails=["test_mlp_solves_xor_by_hand", "test_mlp_computes_the_logits"],
)
class SoftmaxLast(_MLP):
    def end(self, x):
        return x.softmax(1)


@misconception(
    "MLP",
    "log-softmax-at-the-end",
    "Your network returns log-probabilities. This one is asked for its logits, the last linear layer's "
    "numbers as they are.",
    "The log-softmax belongs to the other network of this exercise.",
    fails=["test_mlp_solves_xor_by_hand", "test_mlp_computes_the_logits"],
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
    "Your network takes `dropout` but drops nothing in training mode.",
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


@misconception(
    "MLP",
    "mlp-on-two-devices",
    "Moved to another device, your network brings tensors of two devices together. Somewhere it makes one on the CPU "
    "(`torch.zeros(n)` without a device), keeps one where `to(device)` does not look, or sends one to the CPU.",
    "Make a tensor where its partner lives (`device=x.device`, `torch.zeros_like`, `x.new_zeros`), and register what "
    "the module keeps.",
    fails="test_mlp_on_another_device",
)
class MaskOnTheCpu(_MLP):
    def drop(self, x):
        keep = (torch.rand(x.shape) >= self.p).to(x.dtype) / (1 - self.p)
        return x * keep if self.training else x


@misconception(
    "MLP",
    "mlp-answers-on-the-cpu",
    "Your network answers on the CPU wherever it was moved: its result is made there, or sent there at the end.",
    "Leave the result where the input is: whoever wants it on the CPU can call `.cpu()`.",
    fails="test_mlp_on_another_device",
)
class AnswersOnTheCpu(_MLP):
    def end(self, x):
        return x.cpu()


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
    "Your network drops units in training mode. There is no dropout in this one.",
    "It is layers, ReLU and the log-softmax only.",
    fails="test_log_computes_the_log_probabilities",
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


@misconception(
    "LogSoftmaxMLP",
    "log-on-two-devices",
    "Moved to another device, your network brings tensors of two devices together. Somewhere it makes one on the CPU "
    "(`torch.zeros(n)` without a device), keeps one where `to(device)` does not look, or sends one to the CPU.",
    "Make a tensor where its partner lives (`device=x.device`, `torch.zeros_like`, `x.new_zeros`), and register what "
    "the module keeps.",
    fails="test_log_on_another_device",
)
class LogInputToTheCpu(_LogSoftmaxMLP):
    def hidden(self, x):
        return super().hidden(x.to("cpu"))


@misconception(
    "LogSoftmaxMLP",
    "log-answers-on-the-cpu",
    "Your network answers on the CPU wherever it was moved: its result is made there, or sent there at the end.",
    "Leave the result where the input is: whoever wants it on the CPU can call `.cpu()`.",
    fails="test_log_on_another_device",
)
class LogAnswersOnTheCpu(_LogSoftmaxMLP):
    def end(self, x):
        return x.log_softmax(1).cpu()


# -- train_classifier ------------------------------------------------------------------------------------------------


def _network():
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 16), nn.ReLU(), nn.Linear(16, 10))


def _fit(
    model,
    images,
    labels,
    epochs,
    on_epoch,
    *,
    first=1,
    tell=None,
    learn=True,
    each_batch=False,
    order=torch.randperm,
):
    """A plain training loop; `tell` turns the sum of the batches' losses and their number into what is told."""
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    tell = tell or (lambda total, batches: total.item() / batches)
    for epoch in range(first, first + epochs):
        total, batches = torch.zeros(()), 0
        for batch in order(len(images)).split(32):
            loss = F.cross_entropy(model(images[batch]), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            if learn:
                optimizer.step()
            total, batches = total + loss.detach(), batches + 1
            if each_batch:
                on_epoch(epoch, loss.item())
        if on_epoch and not each_batch:
            on_epoch(epoch, tell(total, batches))
    return model


@misconception(
    "train_classifier",
    "left-in-training-mode",
    "You return the module in training mode: its dropout stays on, and every look at an image gives another answer.",
    "One call switches a module over before you return it.",
    fails="test_train_returns_a_module_in_eval_mode",
)
def train_mode(images, labels, *, epochs, seed, device="cpu", on_epoch=None):
    torch.manual_seed(seed)
    return _fit(_network(), images, labels, epochs, on_epoch)


@misconception(
    "train_classifier",
    "losses-returned",
    "You return the losses. The trained module is what is asked for; losses go to `on_epoch`.",
    "Return the network itself, in eval mode.",
    fails=["test_train_returns_a_module_in_eval_mode", "test_train_learns"],
)
def train_returns_losses(images, labels, *, epochs, seed, device="cpu", on_epoch=None):
    torch.manual_seed(seed)
    losses = []

    def note(epoch, loss):
        losses.append(loss)
        if on_epoch:
            on_epoch(epoch, loss)

    _fit(_network(), images, labels, epochs, note)
    return losses


@misconception(
    "train_classifier",
    "never-steps",
    "You compute losses and gradients, but the weights never move: after ten epochs the network still guesses.",
    "After `backward`, the optimizer has to take its step.",
    fails="test_train_learns",
)
def train_never_steps(images, labels, *, epochs, seed, device="cpu", on_epoch=None):
    torch.manual_seed(seed)
    return _fit(_network(), images, labels, epochs, on_epoch, learn=False).eval()


@misconception(
    "train_classifier",
    "epochs-from-0",
    "Your epochs are counted from 0. `on_epoch` is told 1 after the first.",
    "Begin the count at 1.",
    fails="test_train_tells_each_epoch",
)
def train_from_0(images, labels, *, epochs, seed, device="cpu", on_epoch=None):
    torch.manual_seed(seed)
    return _fit(_network(), images, labels, epochs, on_epoch, first=0).eval()


@misconception(
    "train_classifier",
    "told-after-each-batch",
    "You call `on_epoch` after each batch. It is called once at the end of each epoch, with the mean over "
    "all of its batches.",
    "Collect the losses, and make the call behind the inner loop.",
    fails="test_train_tells_each_epoch",
)
def train_each_batch(images, labels, *, epochs, seed, device="cpu", on_epoch=None):
    torch.manual_seed(seed)
    return _fit(_network(), images, labels, epochs, on_epoch, each_batch=on_epoch is not None).eval()


@misconception(
    "train_classifier",
    "loss-told-as-a-tensor",
    "You hand a tensor to `on_epoch`. It is asked for a float; a loss that still hangs on its graph would "
    "even keep the whole graph "
    "in memory.",
    "`.item()` makes a Python number of a tensor with one element.",
    fails="test_train_tells_each_epoch",
)
def train_tells_tensor(images, labels, *, epochs, seed, device="cpu", on_epoch=None):
    torch.manual_seed(seed)
    return _fit(_network(), images, labels, epochs, on_epoch, tell=lambda total, batches: total / batches).eval()


@misconception(
    "train_classifier",
    "losses-summed-up",
    "You tell the sum of the batches' losses, not their mean: with eight times as many images the loss "
    "seems eight times as large.",
    "Divide by the number of batches, or weight each batch with its size and divide by the number of images.",
    fails="test_train_tells_the_mean_loss",
)
def train_tells_sum(images, labels, *, epochs, seed, device="cpu", on_epoch=None):
    torch.manual_seed(seed)
    return _fit(_network(), images, labels, epochs, on_epoch, tell=lambda total, batches: total.item()).eval()


@misconception(
    "train_classifier",
    "seed-never-used",
    "You never use `seed`: which network comes out depends on what drew random numbers before.",
    "Seed PyTorch's generator before anything random happens.",
    fails=["test_train_same_seed_same_network", "test_train_other_seed_other_network"],
)
def train_unseeded(images, labels, *, epochs, seed, device="cpu", on_epoch=None):
    return _fit(_network(), images, labels, epochs, on_epoch).eval()


@misconception(
    "train_classifier",
    "seeded-after-the-weights",
    "You seed after the network was made. Its first weights were already drawn by then, from whatever state "
    "the generator was in.",
    "Seeding comes first, making the network second.",
    fails="test_train_same_seed_same_network",
)
def train_seeded_late(images, labels, *, epochs, seed, device="cpu", on_epoch=None):
    model = _network()
    torch.manual_seed(seed)
    return _fit(model, images, labels, epochs, on_epoch).eval()


@misconception(
    "train_classifier",
    "a-seed-of-its-own",
    "You seed with a number of your own, so every `seed` gives the same network.",
    "Use the argument.",
    fails="test_train_other_seed_other_network",
)
def train_own_seed(images, labels, *, epochs, seed, device="cpu", on_epoch=None):
    torch.manual_seed(42)
    return _fit(_network(), images, labels, epochs, on_epoch).eval()


@misconception(
    "train_classifier",
    "order-not-seeded",
    "The weights follow the seed, but the order of the images does not: it is drawn from a generator that "
    "you did not seed.",
    "Draw the order with PyTorch after you have seeded it (or from a `torch.Generator` seeded with `seed`).",
    fails="test_train_same_seed_same_network",
)
def train_order_unseeded(images, labels, *, epochs, seed, device="cpu", on_epoch=None):
    torch.manual_seed(seed)
    chance = random.SystemRandom()
    return _fit(
        _network(), images, labels, epochs, on_epoch, order=lambda n: torch.tensor(chance.sample(range(n), n))
    ).eval()


@misconception(
    "train_classifier",
    "images-changed-in-place",
    "You normalise the images in place, so the caller's images are others after the training.",
    "Work on a new tensor: operations that end in `_`, and `-=`, change the one that they are given.",
    fails="test_train_leaves_its_inputs_alone",
)
def train_in_place(images, labels, *, epochs, seed, device="cpu", on_epoch=None):
    torch.manual_seed(seed)
    images -= images.mean()
    return _fit(_network(), images, labels, epochs, on_epoch).eval()


@misconception(
    "train_classifier",
    "on-epoch-always-called",
    "You call `on_epoch` without asking whether there is one: None cannot be called.",
    "Its default is None. Ask first.",
    fails="test_train_without_on_epoch",
)
def train_calls_none(images, labels, *, epochs, seed, device="cpu", on_epoch=None):
    torch.manual_seed(seed)
    return _fit(_network(), images, labels, epochs, lambda epoch, loss: on_epoch(epoch, loss)).eval()
