"""Wrong implementations of 09_unet that students write, each with what to say about it."""

import itertools

import torch
from nnkata.grader.authors import misconception, recurring, small_training, training_mistakes
from torch import nn
from torch.nn import functional as F


def block(i, o, *, norm=True, padding=1, last_relu=True, bias=True):
    """The layers of a DoubleConv, or nearly."""
    layers = []
    for turn, channels in enumerate((i, o)):
        layers.append(nn.Conv2d(channels, o, 3, padding=padding, bias=bias))
        layers += [nn.BatchNorm2d(o)] if norm else []
        layers += [nn.ReLU()] if turn == 0 or last_relu else []
    return nn.Sequential(*layers)


class RightDown(nn.Sequential):
    def __init__(self, i, o):
        super().__init__(nn.MaxPool2d(2), block(i, o))


class RightUp(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.up, self.conv = nn.ConvTranspose2d(i, i // 2, 2, 2), block(i, o)

    def enlarged(self, x, skip):
        x = self.up(x)
        return F.pad(x, (0, skip.shape[3] - x.shape[3], 0, skip.shape[2] - x.shape[2]))

    def joined(self, x, skip):
        return torch.cat([skip, x], 1)

    def forward(self, x, skip):
        return self.conv(self.joined(self.enlarged(x, skip), skip))


class RightUNet(nn.Module):
    """A right U-Net with seams at which the wrong ones below differ from it."""

    def __init__(self, in_channels, out_channels, base_channels=16, depth=3):
        super().__init__()
        c = self.channels(base_channels, depth)
        self.first = block(in_channels, c[0])
        self.downs = self.keep([RightDown(a, b) for a, b in itertools.pairwise(c)])
        self.ups = self.keep([RightUp(b, a) for a, b in list(itertools.pairwise(c))[::-1]])
        self.last = nn.Conv2d(c[0], out_channels, 1)

    def channels(self, base, depth):
        return [base * 2**level for level in range(depth + 1)]

    def keep(self, modules):
        return nn.ModuleList(modules)

    def skip(self, x, level):
        return x

    def end(self, logits):
        return logits

    def forward(self, x):
        x, skips = self.first(x), []
        for down in self.downs:
            skips.append(x)
            x = down(x)
        for level, up in reversed(list(enumerate(reversed(self.ups)))):
            x = up(x, self.skip(skips[level], level))
        return self.end(self.last(x))


# -- DoubleConv ------------------------------------------------------------------------------------------------------


class Block(nn.Module):
    """A module that holds its layers in `layers`."""

    def __init__(self, *layers):
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x):
        return self.layers(x)


@misconception(
    "DoubleConv",
    "no-padding",
    "Your convolutions have no padding: each loses a pixel at every side, so that 7×9 comes out as 3×5 "
    "and no skip fits any more.",
    "How many rows does a 3×3 kernel lose, and how many must be added around the picture?",
    fails="test_double_conv_keeps_height_and_width",
)
class NoPadding(Block):
    def __init__(self, i, o):
        super().__init__(block(i, o, padding=0))


@misconception(
    "DoubleConv",
    "norm-after-relu",
    "You apply ReLU before batch norm. What leaves your block then has mean 0 and is half negative, so "
    "the block does not end in a ReLU at all.",
    "Put the three steps of each round in the order of the name: convolution, batch norm, ReLU.",
    fails=["test_double_conv_by_hand", "test_double_conv_of_given_weights"],
)
class NormAfterRelu(Block):
    def __init__(self, i, o):
        super().__init__(
            nn.Conv2d(i, o, 3, padding=1), nn.ReLU(), nn.BatchNorm2d(o),
            nn.Conv2d(o, o, 3, padding=1), nn.ReLU(), nn.BatchNorm2d(o),
        )  # fmt: skip


@misconception(
    "DoubleConv",
    "no-last-relu",
    "Your block ends with batch norm; the second ReLU is missing, so negative numbers leave it.",
    "All three steps come twice. Count your layers: there should be six.",
    fails=["test_double_conv_by_hand", "test_double_conv_of_given_weights"],
)
class NoLastRelu(Block):
    def __init__(self, i, o):
        super().__init__(block(i, o, last_relu=False))


@misconception(
    "DoubleConv",
    "no-batch-norm",
    "Your block has no batch norm. Through seven such blocks the numbers fade or blow up, and training crawls.",
    "After each convolution, before its ReLU, there is a norm for the channels that the convolution gives out.",
    fails=["test_double_conv_has_two_convolutions_and_two_norms", "test_double_conv_by_hand"],
)
class NoNorm(Block):
    def __init__(self, i, o):
        super().__init__(block(i, o, norm=False))


@misconception(
    "DoubleConv",
    "one-convolution",
    "Your block convolves once. It sees 3×3 pixels instead of 5×5 and has one ReLU instead of two.",
    "The same three steps follow once more, with the channels that the first convolution gives out.",
    fails="test_double_conv_has_two_convolutions_and_two_norms",
)
class OneConvolution(Block):
    def __init__(self, i, o):
        super().__init__(nn.Conv2d(i, o, 3, padding=1), nn.BatchNorm2d(o), nn.ReLU())


@misconception(
    "DoubleConv",
    "one-norm-for-both",
    "You use the same batch norm after both convolutions. Training looks right, but its running mean and "
    "variance are a mixture of two different maps, and in eval mode both are normalised wrongly.",
    "Make two batch norms: each remembers the statistics of one place.",
    fails="test_double_conv_of_given_weights",
)
class OneNorm(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.one, self.two = nn.Conv2d(i, o, 3, padding=1), nn.Conv2d(o, o, 3, padding=1)
        self.norm = nn.BatchNorm2d(o)

    def forward(self, x):
        return self.norm(self.two(self.norm(self.one(x)).relu())).relu()


@misconception(
    "DoubleConv",
    "instance-norm",
    "Your norm treats every image on its own, so how bright an image is compared with the others of its "
    "batch is lost, and in eval mode nothing that was learned about the data's statistics is used.",
    "Batch norm takes mean and variance of a channel over all images of the batch, and keeps running ones "
    "for eval mode.",
    fails="test_double_conv_of_given_weights",
)
class InstanceNorm(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.one, self.two = nn.Conv2d(i, o, 3, padding=1), nn.Conv2d(o, o, 3, padding=1)
        self.norms = nn.ModuleList([nn.InstanceNorm2d(o, affine=True), nn.InstanceNorm2d(o, affine=True)])

    def forward(self, x):
        return self.norms[1](self.two(self.norms[0](self.one(x)).relu())).relu()


@recurring.on_two_devices(
    "DoubleConv", id="block-on-two-devices", fails="test_double_conv_on_another_device", noun="block"
)
class FrameOnTheCpu(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.first, self.second = nn.Conv2d(i, o, 3), nn.Conv2d(o, o, 3)
        self.norms = nn.ModuleList([nn.BatchNorm2d(o), nn.BatchNorm2d(o)])

    def framed(self, x):
        n, c, h, w = x.shape
        large = torch.zeros(n, c, h + 2, w + 2, dtype=x.dtype)
        large[:, :, 1:-1, 1:-1] = x
        return large

    def forward(self, x):
        x = self.norms[0](self.first(self.framed(x))).relu()
        return self.norms[1](self.second(self.framed(x))).relu()


@misconception(
    "DoubleConv",
    "first-relu-missing",
    "Your block gives what comes out without a ReLU between the two convolutions: they are one linear map "
    "together, and could be a single one.",
    "All three steps come twice, the ReLU too.",
    fails="test_double_conv_of_given_weights",
)
class FirstReluMissing(Block):
    def __init__(self, i, o):
        super().__init__(
            nn.Conv2d(i, o, 3, padding=1), nn.BatchNorm2d(o),
            nn.Conv2d(o, o, 3, padding=1), nn.BatchNorm2d(o), nn.ReLU(),
        )  # fmt: skip


@misconception(
    "DoubleConv",
    "leaky-relu",
    "Your block lets a hundredth of what is negative through, as a leaky ReLU does.",
    "ReLU is asked for: what is negative becomes exactly 0.",
    fails="test_double_conv_of_given_weights",
)
class Leaky(Block):
    def __init__(self, i, o):
        super().__init__(
            nn.Conv2d(i, o, 3, padding=1), nn.BatchNorm2d(o), nn.LeakyReLU(),
            nn.Conv2d(o, o, 3, padding=1), nn.BatchNorm2d(o), nn.LeakyReLU(),
        )  # fmt: skip


@misconception(
    "DoubleConv",
    "norm-and-relu-first",
    "Your block is turned round: norm and ReLU come before each convolution, so that it ends with a convolution "
    "and negative numbers leave it.",
    "Convolution, norm, ReLU: in this order, twice.",
    fails="test_double_conv_of_given_weights",
)
class NormFirst(Block):
    def __init__(self, i, o):
        super().__init__(
            nn.BatchNorm2d(i), nn.ReLU(), nn.Conv2d(i, o, 3, padding=1),
            nn.BatchNorm2d(o), nn.ReLU(), nn.Conv2d(o, o, 3, padding=1),
        )  # fmt: skip


@misconception(
    "DoubleConv",
    "edge-repeated",
    "Your convolutions repeat the picture's edge where zeros are expected around it.",
    "`padding=1` pads with zeros by itself.",
    fails="test_double_conv_of_given_weights",
)
class EdgeRepeated(Block):
    def __init__(self, i, o):
        super().__init__(
            nn.Conv2d(i, o, 3, padding=1, padding_mode="replicate"), nn.BatchNorm2d(o), nn.ReLU(),
            nn.Conv2d(o, o, 3, padding=1, padding_mode="replicate"), nn.BatchNorm2d(o), nn.ReLU(),
        )  # fmt: skip


# -- Down ------------------------------------------------------------------------------------------------------------


@misconception(
    "Down",
    "average-pooling",
    "You take the mean of each 2×2 block: of −3, −9, −7 and −5 you make −6, and a thin bright line fades "
    "with every level.",
    "Which pooling keeps the strongest answer of a block?",
    fails=["test_down_by_hand", "test_down_of_given_weights"],
)
class AveragePooling(Block):
    def __init__(self, i, o):
        super().__init__(nn.AvgPool2d(2), block(i, o))


@misconception(
    "Down",
    "pools-last",
    "You pool after the convolutions. They then work at the full size, which costs four times as much, "
    "and see half as much of the picture.",
    "The smaller map should be what the convolutions get.",
    fails="test_down_of_given_weights",
)
class PoolsLast(Block):
    def __init__(self, i, o):
        super().__init__(block(i, o), nn.MaxPool2d(2))


@misconception(
    "Down",
    "rounds-odd-sizes-up",
    "An odd size is rounded up in your pooling: 7×9 becomes 4×5, and the enlarged map will be larger than "
    "its skip on the way up.",
    "Leave out `ceil_mode` and padding: `H // 2` rounds down.",
    fails="test_down_halves_height_and_width",
)
class CeilPooling(Block):
    def __init__(self, i, o):
        super().__init__(nn.MaxPool2d(2, ceil_mode=True), block(i, o))


@misconception(
    "Down",
    "pools-one-pixel",
    "Your pooling has a stride of 2 but looks at one pixel (or its stride alone was set): three of four "
    "pixels are thrown away unseen.",
    "The window is 2×2 and moves by 2.",
    fails=["test_down_by_hand", "test_down_of_given_weights"],
)
class PoolsOnePixel(Block):
    def __init__(self, i, o):
        super().__init__(block(i, o))

    def forward(self, x):
        return self.layers(x[:, :, : x.shape[2] // 2 * 2 : 2, : x.shape[3] // 2 * 2 : 2])


@misconception(
    "Down",
    "overlapping-pooling",
    "Your pooling window is 3×3: blocks overlap, and borders are smeared a pixel further with every level.",
    "2×2 blocks that touch but do not overlap.",
    fails=["test_down_by_hand", "test_down_of_given_weights"],
)
class OverlappingPooling(Block):
    def __init__(self, i, o):
        super().__init__(block(i, o))

    def forward(self, x):
        x = x[:, :, : x.shape[2] // 2 * 2, : x.shape[3] // 2 * 2]
        return self.layers(F.max_pool2d(x, 3, stride=2, padding=1))


@misconception(
    "Down",
    "strided-convolution-for-the-pool",
    "Your map is made smaller by a convolution of stride 2, with weights of its own, instead of a max pooling, "
    "which has none and keeps the strongest of four pixels.",
    "A max pooling with a 2×2 window comes first, and then DoubleConv.",
    fails=["test_down_of_given_weights", "test_down_of_dark_images"],
)
class StridedConvolution(Block):
    def __init__(self, i, o):
        super().__init__(nn.Conv2d(i, i, 2, 2), block(i, o))


@misconception(
    "Down",
    "minimum-pooling",
    "Each 2×2 block hands on its smallest number.",
    "The strongest answer is the largest.",
    fails=["test_down_by_hand", "test_down_of_given_weights"],
)
class MinimumPooling(Block):
    def __init__(self, i, o):
        super().__init__(block(i, o))

    def forward(self, x):
        return self.layers(-F.max_pool2d(-x, 2))


@misconception(
    "Down",
    "four-by-four-pooling",
    "A quarter of height and width is left where a half is asked for.",
    "The window is 2×2, and one pooling is enough.",
    fails="test_down_halves_height_and_width",
)
class PoolsFour(Block):
    def __init__(self, i, o):
        super().__init__(block(i, o))

    def forward(self, x):
        return self.layers(F.adaptive_max_pool2d(x, (max(x.shape[2] // 4, 1), max(x.shape[3] // 4, 1))))


# -- Up --------------------------------------------------------------------------------------------------------------


@misconception(
    "Up",
    "joins-in-the-other-order",
    "You join [x, skip]; the order asked for is [skip, x]. It would train as well, but no saved weights "
    "of another U-Net would fit.",
    "Which comes first in `torch.cat`?",
    fails=["test_up_by_hand", "test_up_of_given_weights"],
)
class OtherOrder(RightUp):
    def joined(self, x, skip):
        return torch.cat([x, skip], 1)


@misconception(
    "Up",
    "ignores-the-skip",
    "Your result does not depend on the skip at all: where it belongs you join something else. The fine "
    "borders that it carries are lost.",
    "Look at what you hand to `torch.cat`.",
    fails=["test_up_by_hand", "test_up_of_given_weights"],
)
class IgnoresSkip(RightUp):
    def joined(self, x, skip):
        return torch.cat([x, x], 1)


@misconception(
    "Up",
    "zeros-for-the-skip",
    "Where the skip belongs your joined map is 0: what the contracting path saw at this level never arrives.",
    "Join the skip itself, not something that has its shape.",
    fails=["test_up_by_hand", "test_up_of_given_weights"],
)
class ZerosForSkip(RightUp):
    def joined(self, x, skip):
        return torch.cat([torch.zeros_like(skip), x], 1)


@misconception(
    "Up",
    "adds-the-skip",
    "You add the skip to x. A sum mixes both for good, and the next convolution gets half the channels that it should.",
    "Lay both on top of each other along the channel axis, so that the convolution can weigh them apart.",
    fails=["test_up_by_hand", "test_up_of_given_weights"],
)
class AddsSkip(RightUp):
    def __init__(self, i, o):
        super().__init__(i, o)
        self.conv = block(i // 2, o)

    def joined(self, x, skip):
        return skip + x


@misconception(
    "Up",
    "one-pixel-too-small-for-odd-skips",
    "Where the skip has an odd size, the enlarged map is still too small when they meet: 6×8 against 7×9, and "
    "`torch.cat` refuses. Either it is not padded at all, or each side gets half of what is missing, rounded down: "
    "`1 // 2` is 0.",
    "Count the missing rows and columns, and let the two sides have `n // 2` and `n - n // 2`, or one side all.",
    fails=["test_up_gives_the_size_of_the_skip", "test_up_pads_to_odd_sizes"],
)
class NoPaddingToSkip(RightUp):
    def enlarged(self, x, skip):
        return self.up(x)


@misconception(
    "Up",
    "pads-height-and-width-swapped",
    "You hand the missing rows to `F.pad` where it expects columns: with a skip of 7×8 and a map of 6×8 "
    "the result does not fit.",
    "`F.pad` counts from the last axis: left, right, top, bottom.",
    fails=["test_up_gives_the_size_of_the_skip", "test_up_pads_to_odd_sizes"],
)
class PadsSwapped(RightUp):
    def enlarged(self, x, skip):
        x = self.up(x)
        return F.pad(x, (0, skip.shape[2] - x.shape[2], 0, skip.shape[3] - x.shape[3]))


@misconception(
    "Up",
    "crops-the-skip",
    "You cut the skip down to the size of the enlarged map. The last row and column of an odd picture "
    "then get no prediction.",
    "The skip has the right size; it is x that must grow.",
    fails=["test_up_gives_the_size_of_the_skip", "test_up_pads_to_odd_sizes"],
)
class CropsSkip(RightUp):
    def forward(self, x, skip):
        x = self.up(x)
        return self.conv(torch.cat([skip[:, :, : x.shape[2], : x.shape[3]], x], 1))


@misconception(
    "Up",
    "stretches-to-odd-sizes",
    "You stretch the enlarged map to the skip's size by interpolation. Every pixel moves a little, and "
    "none lies exactly on its partner any more.",
    "Leave the numbers where they are and add zeros along one side.",
    fails="test_up_pads_to_odd_sizes",
)
class Stretches(RightUp):
    def enlarged(self, x, skip):
        x = self.up(x)
        return x if x.shape[2:] == skip.shape[2:] else F.interpolate(x, size=skip.shape[2:], mode="bilinear")


@misconception(
    "Up",
    "interpolates-instead-of-transposed-convolution",
    "You enlarge by interpolation. That has nothing to learn, and leaves in_channels channels where half "
    "are asked for.",
    "A transposed convolution with a 2×2 kernel and stride 2 enlarges and halves the channels in one step.",
    fails=["test_up_has_a_transposed_convolution", "test_up_of_given_weights"],
)
class Interpolates(RightUp):
    def __init__(self, i, o):
        super().__init__(i, o)
        self.up, self.conv = nn.Upsample(scale_factor=2, mode="bilinear"), block(i + i // 2, o)


@misconception(
    "Up",
    "keeps-all-channels",
    "Your transposed convolution gives out as many channels as it takes in; together with the skip that "
    "makes one and a half times in_channels.",
    "It halves the channels, so that the skip and x count the same.",
    fails=["test_up_has_a_transposed_convolution", "test_up_of_given_weights"],
)
class KeepsAllChannels(RightUp):
    def __init__(self, i, o):
        super().__init__(i, o)
        self.up, self.conv = nn.ConvTranspose2d(i, i, 2, 2), block(i + i // 2, o)


@misconception(
    "Up",
    "a-row-repeated-to-fit",
    "Where a row or column is missing you repeat one that is there. Resizing to the skip's size does that, too "
    "(`F.interpolate` with its default, `nearest`, repeats the first). It may train as well, but what is not there "
    "should be 0, so that the convolutions can tell it from the picture.",
    "Leave the numbers where they are and add zeros along one side.",
    fails="test_up_pads_to_odd_sizes",
)
class RepeatsARow(RightUp):
    def enlarged(self, x, skip):
        return F.interpolate(self.up(x), size=skip.shape[2:])


@recurring.on_two_devices("Up", id="up-on-two-devices", fails="test_up_on_another_device", noun="step")
class ZerosOnTheCpu(RightUp):
    def enlarged(self, x, skip):
        x = self.up(x)
        n, c, h, w = x.shape
        x = torch.cat([x, torch.zeros(n, c, skip.shape[2] - h, w, dtype=x.dtype)], 2)
        return torch.cat([x, torch.zeros(n, c, skip.shape[2], skip.shape[3] - w, dtype=x.dtype)], 3)


@misconception(
    "Up",
    "one-size-for-both",
    "Your step fits square maps only: the number of missing columns is worked out with a height (or that of the "
    "rows with a width).",
    "`shape[2]` is the height and `shape[3]` the width, of the skip and of x alike.",
    fails=["test_up_gives_the_size_of_the_skip", "test_up_pads_to_odd_sizes"],
)
class OneSizeForBoth(RightUp):
    def enlarged(self, x, skip):
        x = self.up(x)
        return F.pad(x, (0, skip.shape[3] - x.shape[2], 0, skip.shape[2] - x.shape[2]))


@misconception(
    "Up",
    "skip-joins-before-the-second-convolution",
    "The skip joins only before the second of your 3×3 convolutions; the first sees the enlarged map alone.",
    "Join first; a whole DoubleConv comes after, from in_channels to out_channels.",
    fails=["test_up_joins_before_both_convolutions", "test_up_by_hand"],
)
class JoinsLate(RightUp):
    def __init__(self, i, o):
        super().__init__(i, o)
        half = i // 2
        self.first = nn.Sequential(nn.Conv2d(half, half, 3, padding=1), nn.BatchNorm2d(half), nn.ReLU())
        self.conv = nn.Sequential(nn.Conv2d(i, o, 3, padding=1), nn.BatchNorm2d(o), nn.ReLU())

    def joined(self, x, skip):
        return torch.cat([skip, self.first(x)], 1)


@misconception(
    "Up",
    "relu-after-the-transposed-convolution",
    "Your step gives what comes out if a ReLU follows the transposed convolution: what is negative in the "
    "enlarged map is lost before it meets the skip.",
    "Enlarge, pad, join: no activation in between.",
    fails="test_up_of_given_weights",
)
class ReluAfterEnlarging(RightUp):
    def enlarged(self, x, skip):
        return super().enlarged(x, skip).relu()


@misconception(
    "Up",
    "skip-joined-twice",
    "Where the enlarged map belongs you join the skip once more: what comes from below is lost.",
    "Look at what you hand to `torch.cat`.",
    fails=["test_up_by_hand", "test_up_of_given_weights"],
)
class SkipTwice(RightUp):
    def joined(self, x, skip):
        return torch.cat([skip, skip], 1)


# -- UNet ------------------------------------------------------------------------------------------------------------


@misconception(
    "UNet",
    "no-skips",
    "Your expansive path gets zeros instead of the skip connections. Everything must pass through the "
    "lowest map, 8 times coarser than the picture, and the borders come out blurred.",
    "Put the map of every level aside on the way down, and hand it to the Up of the same level.",
    fails="test_unet_needs_every_skip",
)
class NoSkips(RightUNet):
    def skip(self, x, level):
        return torch.zeros_like(x)


@misconception(
    "UNet",
    "no-skip-at-full-size",
    "The skip at full size is missing: the level with the finest borders never reaches the output.",
    "The first DoubleConv's map is a skip too, for the last Up.",
    fails="test_unet_needs_every_skip",
)
class NoFirstSkip(RightUNet):
    def skip(self, x, level):
        return torch.zeros_like(x) if level == 0 else x


@misconception(
    "UNet",
    "only-the-skip-at-full-size",
    "Only the skip at full size works; those of the levels below are cut.",
    "Every level above the lowest has its skip: as many as there are Ups.",
    fails="test_unet_needs_every_skip",
)
class OnlyFirstSkip(RightUNet):
    def skip(self, x, level):
        return x if level == 0 else torch.zeros_like(x)


@misconception(
    "UNet",
    "detached-skips",
    "Your skips are detached: their numbers arrive, but no gradient goes back through them, so the "
    "contracting path cannot learn what the borders need.",
    "Hand the maps over as they are, without `detach` and not under `no_grad`.",
    fails="test_unet_needs_every_skip",
)
class DetachedSkips(RightUNet):
    def skip(self, x, level):
        return x.detach()


@misconception(
    "UNet",
    "channels-stay-the-same-at-the-bottom",
    "The lowest level of your network has as many channels as the one above it. They should double once more: what "
    "the map loses in height and width it gains in channels.",
    "Level k has base_channels · 2^k channels, for k from 0 to depth.",
    fails="test_unet_doubles_its_channels_at_each_level",
)
class NoDoublingAtTheBottom(nn.Module):
    def __init__(self, in_channels, out_channels, base_channels=16, depth=3):
        super().__init__()
        c = [base_channels * 2**level for level in range(depth)]
        c.append(c[-1])
        self.first = block(in_channels, c[0])
        self.downs = nn.ModuleList([RightDown(a, b) for a, b in itertools.pairwise(c)])
        self.ups = nn.ModuleList()
        self.mix = nn.ModuleList()
        for a, b in list(itertools.pairwise(c))[::-1]:
            self.ups.append(nn.ConvTranspose2d(b, a, 2, 2))
            self.mix.append(block(2 * a, a))
        self.last = nn.Conv2d(c[0], out_channels, 1)

    def forward(self, x):
        x, skips = self.first(x), []
        for down in self.downs:
            skips.append(x)
            x = down(x)
        for up, mix in zip(self.ups, self.mix, strict=True):
            skip, x = skips.pop(), up(x)
            x = F.pad(x, (0, skip.shape[3] - x.shape[3], 0, skip.shape[2] - x.shape[2]))
            x = mix(torch.cat([skip, x], 1))
        return self.last(x)


@misconception(
    "UNet",
    "one-level-too-few",
    "Your network goes down depth − 1 times: the first block counts as a level with you. It sees half as "
    "far as it should.",
    "There are depth Downs, and the first DoubleConv comes before them.",
    fails=[
        "test_unet_doubles_its_channels_at_each_level",
        "test_unet_has_16_channels_and_3_levels_by_default",
    ],
)
class OneLevelTooFew(RightUNet):
    def channels(self, base, depth):
        return [base * 2**level for level in range(depth)]


@misconception(
    "UNet",
    "ignores-base-channels",
    "Your network has 16 channels at full size whatever base_channels says.",
    "Every number of channels follows from base_channels; none is written down as a number.",
    fails="test_unet_doubles_its_channels_at_each_level",
)
class IgnoresBase(RightUNet):
    def channels(self, base, depth):
        return [16 * 2**level for level in range(depth + 1)]


@misconception(
    "UNet",
    "ignores-depth",
    "Your network has three levels whatever depth says.",
    "Build Downs and Ups in a loop over depth.",
    fails=["test_unet_doubles_its_channels_at_each_level", "test_unet_of_other_depths"],
)
class IgnoresDepth(RightUNet):
    def channels(self, base, depth):
        return [base * 2**level for level in range(4)]


@misconception(
    "UNet",
    "modules-in-a-plain-list",
    "Your Downs and Ups are in a plain Python list. PyTorch does not see them there: `parameters()` "
    "leaves them out, the optimizer never changes them, `to(device)` and `eval()` pass them by.",
    "`nn.ModuleList` is a list that registers what is in it.",
    fails=["test_unet_doubles_its_channels_at_each_level", "test_unet_gradients_reach_everything"],
)
class PlainList(RightUNet):
    def keep(self, modules):
        return modules


@recurring.probabilities_at_the_end(
    "UNet", id="softmax-at-the-end", fails="test_unet_returns_logits", last="convolution"
)
class SoftmaxAtTheEnd(RightUNet):
    def end(self, logits):
        return logits.softmax(1)


@misconception(
    "UNet",
    "sigmoid-at-the-end",
    "Your network ends in a sigmoid: all scores lie between 0 and 1, so no class can ever be more than "
    "2.7 times as probable as another.",
    "Return what the last convolution gives.",
    fails="test_unet_returns_logits",
)
class SigmoidAtTheEnd(RightUNet):
    def end(self, logits):
        return logits.sigmoid()


@misconception(
    "UNet",
    "relu-at-the-end",
    "A ReLU follows your last convolution: negative scores become 0, and where all are, no gradient comes back.",
    "The last layer stands alone, without norm and ReLU.",
    fails="test_unet_returns_logits",
)
class ReluAtTheEnd(RightUNet):
    def end(self, logits):
        return logits.relu()


@misconception(
    "UNet",
    "cuts-odd-sizes",
    "Your network cuts the picture to a multiple of 2^depth: of 37×53 pixels 32×48 get a class.",
    "Up pads x to the size of its skip; then nothing has to be cut.",
    fails="test_unet_gives_the_size_of_its_input",
)
class CutsOddSizes(RightUNet):
    def forward(self, x):
        multiple = 2 ** len(self.downs)
        return super().forward(x[:, :, : x.shape[2] // multiple * multiple, : x.shape[3] // multiple * multiple])


@recurring.on_two_devices("UNet", id="unet-on-two-devices", fails="test_unet_on_another_device")
class SkipsOnTheCpu(RightUNet):
    def skip(self, x, level):
        return x.cpu()


@recurring.answers_on_the_cpu("UNet", id="unet-answers-on-the-cpu", fails="test_unet_on_another_device")
class LogitsOnTheCpu(RightUNet):
    def end(self, logits):
        return logits.cpu()


@recurring.probabilities_in_eval_mode(
    "UNet", id="probabilities-in-eval-mode", fails="test_unet_returns_logits_in_eval_mode"
)
class ProbabilitiesInEval(RightUNet):
    def end(self, logits):
        return logits if self.training else logits.softmax(1)


@misconception(
    "UNet",
    "norm-at-the-end",
    "A batch norm follows your last convolution: the scores of each class are pressed to mean 0 over the batch, "
    "whatever the pictures show.",
    "The last layer stands alone, without norm and ReLU.",
    fails="test_unet_returns_logits",
)
class NormAtTheEnd(RightUNet):
    def end(self, logits):
        return F.batch_norm(logits, None, None, training=True)


@misconception(
    "UNet",
    "last-layer-never-reached",
    "All pixels get the same scores: nothing of the picture arrives at the end.",
    "Follow one picture through `forward`: is each result used by the next line?",
    fails="test_unet_gradients_reach_everything",
)
class NothingArrives(RightUNet):
    def end(self, logits):
        return torch.zeros_like(logits) + self.last.bias[:, None, None]


# -- dice_loss -------------------------------------------------------------------------------------------------------


def dice(logits, target, eps=1.0, p=None, t=None, over=(0, 2, 3)):
    """The overlap of every class, from probabilities and truths that can be replaced."""
    p = logits.softmax(1) if p is None else p
    t = F.one_hot(target, logits.shape[1]).movedim(-1, 1).to(logits.dtype) if t is None else t
    return (2 * (p * t).sum(over) + eps) / (p.sum(over) + t.sum(over) + eps)


@misconception(
    "dice_loss",
    "a-dice-for-every-image",
    "You compute the overlap of each image and average afterwards. A class that one image lacks has an "
    "overlap near eps / (eps + something small) there and drags the loss up or down for no reason.",
    "Sum over the images too, before you divide.",
    fails=["test_dice_of_batches", "test_dice_sums_over_the_whole_batch"],
)
def dice_per_image(logits, target, eps=1.0):
    return 1 - dice(logits, target, eps, over=(2, 3)).mean()


@misconception(
    "dice_loss",
    "all-classes-in-one-sum",
    "You sum over the classes as well and divide once. The background, most of the pixels, then rules the "
    "loss, which is what Dice is there to prevent.",
    "Divide for every class on its own, then take the mean over classes.",
    fails=["test_dice_by_hand", "test_dice_of_batches"],
)
def dice_pooled(logits, target, eps=1.0):
    return 1 - dice(logits, target, eps, over=(0, 1, 2, 3))


@misconception(
    "dice_loss",
    "no-softmax",
    "You multiply raw logits with the truth. They may be negative or above 1, and the overlap is none: "
    "the loss can fall for ever.",
    "Turn the logits into probabilities over the classes first.",
    fails=["test_dice_by_hand", "test_dice_of_batches"],
)
def dice_of_logits(logits, target, eps=1.0):
    return 1 - dice(logits, target, eps, p=logits).mean()


@misconception(
    "dice_loss",
    "sigmoid-for-softmax",
    "You take the sigmoid of each logit by itself: the probabilities of a pixel's classes need not sum to 1.",
    "Softmax over the class axis makes the classes compete.",
    fails=["test_dice_by_hand", "test_dice_of_batches"],
)
def dice_of_sigmoids(logits, target, eps=1.0):
    return 1 - dice(logits, target, eps, p=logits.sigmoid()).mean()


@misconception(
    "dice_loss",
    "softmax-over-the-wrong-axis",
    "Your softmax runs over the last axis, the pixels of a row. It should share out 1 among the classes of each pixel.",
    "The classes are axis 1 of `(N, C, H, W)`.",
    fails=["test_dice_by_hand", "test_dice_of_batches"],
)
def dice_of_rows(logits, target, eps=1.0):
    return 1 - dice(logits, target, eps, p=logits.softmax(-1)).mean()


@misconception(
    "dice_loss",
    "similarity-instead-of-loss",
    "You return the overlap, which is 1 when all is right. Made small by training, it becomes as wrong as can be.",
    "A loss must fall as things get better: one minus the overlap.",
    fails=["test_dice_by_hand", "test_dice_of_batches"],
)
def dice_similarity(logits, target, eps=1.0):
    return dice(logits, target, eps).mean()


@misconception(
    "dice_loss",
    "eps-below-only",
    "You add eps to the denominator only: even a perfect prediction has an overlap below 1, and an absent "
    "class 0 instead of one near 1.",
    "eps is added above and below, so that nothing predicted of nothing true is a perfect overlap.",
    fails=["test_dice_by_hand", "test_dice_of_absent_classes"],
)
def dice_eps_below(logits, target, eps=1.0):
    return 1 - (dice(logits, target, eps) - eps / (dice_sums(logits, target) + eps)).mean()


def dice_sums(logits, target):
    return logits.softmax(1).sum((0, 2, 3)) + torch.bincount(target.flatten(), minlength=logits.shape[1])


@misconception(
    "dice_loss",
    "no-factor-two",
    "The factor 2 is missing: a perfect prediction counts each pixel once above and twice below, so the "
    "overlap stays near 0.5.",
    "Look at the numerator of the formula again.",
    fails=["test_dice_by_hand", "test_dice_of_batches"],
)
def dice_without_two(logits, target, eps=1.0):
    sums = dice_sums(logits, target) + eps
    return 1 - ((dice(logits, target, eps) + eps / sums) / 2).mean()


@misconception(
    "dice_loss",
    "ignores-eps",
    "Whatever eps says, you add 1.",
    "Use the argument.",
    fails=["test_dice_by_hand", "test_dice_with_another_eps"],
)
def dice_fixed_eps(logits, target, eps=1.0):
    return 1 - dice(logits, target).mean()


@misconception(
    "dice_loss",
    "background-left-out",
    "You average over the classes from 1 on and leave the background out. Some do; here every class counts.",
    "The mean runs over all C classes.",
    fails=["test_dice_by_hand", "test_dice_of_batches"],
)
def dice_without_background(logits, target, eps=1.0):
    return 1 - dice(logits, target, eps)[1:].mean()


@misconception(
    "dice_loss",
    "absent-classes-left-out",
    "You average over the classes that the target contains. Predicting an absent class then costs nothing by itself.",
    "The mean runs over all C classes, seen or not; eps takes care of those that are absent.",
    fails="test_dice_of_absent_classes",
)
def dice_of_present(logits, target, eps=1.0):
    return 1 - dice(logits, target, eps)[target.unique()].mean()


@misconception(
    "dice_loss",
    "argmax-instead-of-probabilities",
    "You count the pixels of the most probable class. Counting has no gradient: nothing can be learned from this loss.",
    "Multiply the probabilities themselves with the truth; they say how sure the network is, and "
    "gradients flow through them.",
    fails=["test_dice_by_hand", "test_dice_gradient"],
)
def dice_of_argmax(logits, target, eps=1.0):
    p = F.one_hot(logits.argmax(1), logits.shape[1]).movedim(-1, 1).to(logits.dtype)
    return 1 - dice(logits, target, eps, p=p).mean()


@misconception(
    "dice_loss",
    "squares-below",
    "You sum the squares of the probabilities in the denominator, as the V-Net paper does. The loss asked "
    "for here has the plain sums.",
    "Look at the denominator of the formula again.",
    fails=["test_dice_by_hand", "test_dice_of_batches"],
)
def dice_of_squares(logits, target, eps=1.0):
    p, t = logits.softmax(1), F.one_hot(target, logits.shape[1]).movedim(-1, 1).to(logits.dtype)
    over = (0, 2, 3)
    return 1 - ((2 * (p * t).sum(over) + eps) / ((p * p).sum(over) + t.sum(over) + eps)).mean()


@misconception(
    "dice_loss",
    "classes-reshaped-instead-of-moved",
    "You bring the one-hot truth to the logits' shape with `view` or `reshape`. That keeps the order of "
    "the numbers in memory, so classes and pixels are mixed up.",
    "`movedim(-1, 1)` or `permute(0, 3, 1, 2)` moves an axis; `reshape` only draws new borders.",
    fails="test_dice_of_batches",
)
def dice_reshaped(logits, target, eps=1.0):
    t = F.one_hot(target, logits.shape[1]).reshape(logits.shape).to(logits.dtype)
    return 1 - dice(logits, target, eps, t=t).mean()


@misconception(
    "dice_loss",
    "one-plus-the-overlap",
    "Your loss is one plus the overlap, so it lies above 1, and training makes the overlap smaller.",
    "A loss gets smaller when things get better: which sign does the overlap need?",
    fails=["test_dice_by_hand", "test_dice_of_batches"],
)
def dice_plus(logits, target, eps=1.0):
    return 1 + dice(logits, target, eps).mean()


@misconception(
    "dice_loss",
    "minus-the-overlap",
    "Your loss is the overlap with a minus, without the 1: its gradient is right, but it is negative, and best "
    "at −1 instead of 0.",
    "One minus the overlap.",
    fails=["test_dice_by_hand", "test_dice_of_batches"],
)
def dice_minus(logits, target, eps=1.0):
    return -dice(logits, target, eps).mean()


@misconception(
    "dice_loss",
    "summed-over-classes",
    "Your loss adds the classes up: with ten classes it is ten times as large.",
    "The mean over the classes is asked for.",
    fails=["test_dice_by_hand", "test_dice_of_batches"],
)
def dice_summed(logits, target, eps=1.0):
    return (1 - dice(logits, target, eps)).sum()


@misconception(
    "dice_loss",
    "jaccard-instead-of-dice",
    "Your overlap is that of intersection over union (Jaccard), smoothed with eps. Dice counts the intersection "
    "twice above, and both sets whole below.",
    "2·Σ p·t above, Σ p + Σ t below.",
    fails=["test_dice_by_hand", "test_dice_of_batches"],
)
def dice_jaccard(logits, target, eps=1.0):
    sums = dice_sums(logits, target)
    both = (dice(logits, target, eps) * (sums + eps) - eps) / 2
    return 1 - ((both + eps) / (sums - both + eps)).mean()


@misconception(
    "dice_loss",
    "eps-above-only",
    "You add eps to the numerator only: a perfect prediction has an overlap above 1, and an absent class divides "
    "by next to nothing.",
    "eps is added above and below.",
    fails=["test_dice_by_hand", "test_dice_of_batches"],
)
def dice_eps_above(logits, target, eps=1.0):
    sums = dice_sums(logits, target)
    return 1 - (dice(logits, target, eps) * (sums + eps) / sums).mean()


@misconception(
    "dice_loss",
    "softmax-twice",
    "Your probabilities are the softmax of a softmax: nearly the same for all classes, however sure the network is.",
    "The logits go through one softmax.",
    fails=["test_dice_by_hand", "test_dice_of_batches"],
)
def dice_softmax_twice(logits, target, eps=1.0):
    return 1 - dice(logits, target, eps, p=logits.softmax(1).softmax(1)).mean()


@misconception(
    "dice_loss",
    "log-softmax-for-softmax",
    "You take log-probabilities where probabilities are asked for: they are negative, and their sums too.",
    "Softmax, without the logarithm.",
    fails=["test_dice_by_hand", "test_dice_of_batches"],
)
def dice_log_softmax(logits, target, eps=1.0):
    return 1 - dice(logits, target, eps, p=logits.log_softmax(1)).mean()


@misconception(
    "dice_loss",
    "logarithm-of-the-overlap",
    "Your loss is the logarithm of the overlap, with a minus. Some use that; here it is one minus the overlap.",
    "1 − overlap.",
    fails=["test_dice_by_hand", "test_dice_of_batches"],
)
def dice_log(logits, target, eps=1.0):
    return -dice(logits, target, eps).mean().log()


def right_dice(logits, target, eps=1.0):
    return 1 - dice(logits, target, eps).mean()


recurring.float32_only("dice_loss", right_dice, id="in-single-precision", fails="test_dice_keeps_double_precision")


# -- iou -------------------------------------------------------------------------------------------------------------


def counts(prediction, target, num_classes):
    """Pixels of every class in both, predicted, and true."""
    both = torch.bincount(target[prediction == target].flatten(), minlength=num_classes)
    return both, *(torch.bincount(m.flatten(), minlength=num_classes) for m in (prediction, target))


@misconception(
    "iou",
    "dice-instead-of-iou",
    "You compute 2·both / (predicted + true), which is Dice: 0.5 of IoU comes out as 0.667.",
    "Divide by the pixels that are in at least one of the two sets, each counted once.",
    fails=["test_iou_by_hand", "test_iou_of_random_maps"],
)
def iou_dice(prediction, target, num_classes):
    both, predicted, true = counts(prediction, target, num_classes)
    return 2 * both / (predicted + true)


@misconception(
    "iou",
    "recall-instead-of-iou",
    "You divide by the true pixels only. Calling every pixel digit then finds the digits completely, and "
    "false alarms cost nothing.",
    "The union has the pixels that are predicted, or true, or both.",
    fails=["test_iou_by_hand", "test_iou_of_random_maps"],
)
def iou_recall(prediction, target, num_classes):
    both, _, true = counts(prediction, target, num_classes)
    return both / true


@misconception(
    "iou",
    "overlap-counted-twice",
    "Your union is predicted plus true, and the pixels in both are in it twice: even a perfect prediction gets 0.5.",
    "Take away once what was counted twice.",
    fails=["test_iou_by_hand", "test_iou_of_random_maps"],
)
def iou_double_union(prediction, target, num_classes):
    both, predicted, true = counts(prediction, target, num_classes)
    return both / (predicted + true)


@misconception(
    "iou",
    "zero-for-a-class-in-neither",
    "A class that is nowhere gets 0 with you, as if it had been missed. It drags the mean over classes "
    "down although no pixel is wrong.",
    "Nothing can be said of such a class: NaN says so. Do not guard the division.",
    fails=["test_iou_of_a_class_in_neither_is_nan", "test_iou_of_more_classes_than_are_seen"],
)
def iou_zero(prediction, target, num_classes):
    both, predicted, true = counts(prediction, target, num_classes)
    return both / (predicted + true - both).clamp(min=1)


@misconception(
    "iou",
    "one-for-a-class-in-neither",
    "A class that is nowhere gets 1 with you (a small number added above and below does that), and lifts "
    "the mean over classes for nothing.",
    "Nothing can be said of such a class: NaN says so. Add nothing to the fraction.",
    fails=["test_iou_of_a_class_in_neither_is_nan", "test_iou_of_more_classes_than_are_seen"],
)
def iou_one(prediction, target, num_classes):
    both, predicted, true = counts(prediction, target, num_classes)
    return (both + 1e-6) / (predicted + true - both + 1e-6)


@misconception(
    "iou",
    "nan-for-a-missed-class",
    "A class that is only predicted, or only true, is NaN with you. It is all wrong, which is 0; only a "
    "class in neither is NaN.",
    "Ask whether the union is empty, not the truth or the overlap.",
    fails="test_iou_of_a_class_in_one_only_is_zero",
)
def iou_nan_for_missed(prediction, target, num_classes):
    both, predicted, true = counts(prediction, target, num_classes)
    return torch.where(both > 0, both / (predicted + true - both), torch.nan)


@misconception(
    "iou",
    "an-iou-for-every-image",
    "You compute the IoU of each image and average. A small object in one image then counts as much as a "
    "large one in another.",
    "Count over the whole batch, then divide once.",
    fails=["test_iou_of_random_maps", "test_iou_counts_the_whole_batch_together"],
)
def iou_per_image(prediction, target, num_classes):
    each = []
    for p, t in zip(prediction, target, strict=True):
        both, predicted, true = counts(p, t, num_classes)
        each.append(both / (predicted + true - both))
    return torch.stack(each).nanmean(0)


@misconception(
    "iou",
    "only-classes-that-are-seen",
    "You go over the classes that occur, so a class in neither has no place in your result and all after it move up.",
    "Go over range(num_classes).",
    fails=["test_iou_of_a_class_in_neither_is_nan", "test_iou_of_more_classes_than_are_seen"],
)
def iou_seen(prediction, target, num_classes):
    both, predicted, true = counts(prediction, target, num_classes)
    seen = torch.cat([prediction.flatten(), target.flatten()]).unique()
    return (both / (predicted + true - both))[seen]


@misconception(
    "iou",
    "mean-over-classes",
    "You return the mean over the classes. One number a class is asked for, so that one can see which class is hard.",
    "Return the tensor of all classes; whoever wants the mean takes it.",
    fails=["test_iou_has_one_number_a_class", "test_iou_by_hand"],
)
def iou_mean(prediction, target, num_classes):
    both, predicted, true = counts(prediction, target, num_classes)
    return (both / (predicted + true - both)).nanmean()


@misconception(
    "iou",
    "divided-as-integers",
    "Your fraction is rounded down to a whole number: every class but a perfect one gets 0. `//` between counts "
    "does that.",
    "Divide with `/`.",
    fails=["test_iou_by_hand", "test_iou_of_random_maps"],
)
def iou_integers(prediction, target, num_classes):
    both, predicted, true = counts(prediction, target, num_classes)
    union = predicted + true - both
    return torch.where(union > 0, both // union.clamp(min=1), torch.nan)


@misconception(
    "iou",
    "precision-instead-of-iou",
    "You divide by the predicted pixels only: what was missed costs nothing.",
    "The union has the pixels that are predicted, or true, or both.",
    fails=["test_iou_by_hand", "test_iou_of_random_maps"],
)
def iou_precision(prediction, target, num_classes):
    both, predicted, _ = counts(prediction, target, num_classes)
    return both / predicted


@misconception(
    "iou",
    "both-divided-by-either-but-not-both",
    "Your denominator has the pixels that are in one of the two sets alone; those in both are in the union, too.",
    "A union holds what is in the first, in the second, or in both.",
    fails=["test_iou_by_hand", "test_iou_of_random_maps"],
)
def iou_xor(prediction, target, num_classes):
    both, predicted, true = counts(prediction, target, num_classes)
    return both / (predicted + true - 2 * both)


@misconception(
    "iou",
    "share-of-all-pixels",
    "You divide by the number of all pixels: a small class can never get near 1.",
    "Each class has a union of its own.",
    fails=["test_iou_by_hand", "test_iou_of_random_maps"],
)
def iou_share(prediction, target, num_classes):
    both, _, _ = counts(prediction, target, num_classes)
    return both / prediction.numel()


@misconception(
    "iou",
    "pixels-counted-instead-of-a-share",
    "You return how many pixels are in both, not divided by anything.",
    "Intersection over union: what is it to be divided by?",
    fails=["test_iou_by_hand", "test_iou_of_random_maps"],
)
def iou_counts(prediction, target, num_classes):
    both, _, _ = counts(prediction, target, num_classes)
    return both.float()


@misconception(
    "iou",
    "agreement-for-each-class",
    "You count agreement about a class, pixels that are of it in neither included: for a rare class nearly all "
    "pixels agree.",
    "Pixels that are of the class in neither say nothing about it.",
    fails=["test_iou_by_hand", "test_iou_of_random_maps"],
)
def iou_agreement(prediction, target, num_classes):
    both, predicted, true = counts(prediction, target, num_classes)
    return 1 - (predicted + true - 2 * both) / prediction.numel()


@misconception(
    "iou",
    "numbers-in-a-list",
    "You return a Python list. One tensor is asked for.",
    "`torch.stack` makes a tensor of 0-d tensors, `torch.tensor` one of numbers.",
    fails=["test_iou_has_one_number_a_class", "test_iou_by_hand"],
)
def iou_list(prediction, target, num_classes):
    both, predicted, true = counts(prediction, target, num_classes)
    return (both / (predicted + true - both)).tolist()


# -- train_segmenter -------------------------------------------------------------------------------------------------


TRAINING = small_training.Training(
    lambda num_classes: RightUNet(1, num_classes, base_channels=8, depth=2), batch_size=8, rate=1e-2
)

training_mistakes.add_misconceptions(
    "train_segmenter",
    TRAINING,
    training_mistakes.Wording(label="mask", labels="masks", batch=16, few="four"),
    fails={
        "loss-told-as-a-tensor": "test_segmenter_tells_of_every_epoch",
        "losses-summed-up": "test_segmenter_tells_the_mean_loss",
        "a-seed-of-its-own": "test_segmenter_depends_on_its_seed_alone",
        "batch-means-over-images": "test_segmenter_tells_the_mean_over_the_images",
        "image-losses-over-batches": "test_segmenter_tells_the_mean_over_the_images",
        "last-batch-s-loss-told": "test_segmenter_tells_the_mean_over_the_epoch",
        "one-epoch-missing": ["test_segmenter_tells_of_every_epoch", "test_segmenter_learns_squares"],
        "module-and-more-returned": ["test_segmenter_gives_logits_of_all_classes", "test_segmenter_learns_squares"],
        "losses-returned": ["test_segmenter_gives_logits_of_all_classes", "test_segmenter_learns_squares"],
        "small-last-batch-left-out": "test_segmenter_uses_a_batch_that_is_not_full",
        "some-images-held-out": "test_segmenter_uses_the_first_and_the_last_images",
        "no-seed-for-0": "test_segmenter_depends_on_its_seed_alone",
        "masks-of-other-images": "test_segmenter_learns_squares",
    },
)


def fit(images, masks, num_classes, epochs, seed, on_epoch=None, **seams):
    """The right training, or one with a mistake in a seam."""
    return TRAINING.run(
        small_training.Call(images, masks, epochs, seed, on_epoch, {"num_classes": num_classes}), **seams
    )


@misconception(
    "train_segmenter",
    "left-in-train-mode",
    "The model comes back in train mode: batch norm then uses each batch's own statistics, and an image's "
    "classes depend on the images beside it.",
    "One call before you return switches all modules.",
    fails="test_segmenter_is_given_back_in_eval_mode",
)
def segmenter_in_train_mode(images, masks, *, num_classes, epochs, seed, device="cpu", on_epoch=None):
    return fit(images, masks, num_classes, epochs, seed, on_epoch).train()


@misconception(
    "train_segmenter",
    "classes-counted-in-the-masks",
    "You count the classes in the masks. If the last class does not occur in them, the model has too few logits.",
    "num_classes says how many there are.",
    fails="test_segmenter_gives_logits_of_all_classes",
)
def segmenter_of_seen_classes(images, masks, *, num_classes, epochs, seed, device="cpu", on_epoch=None):
    return fit(images, masks, int(masks.max()) + 1, epochs, seed, on_epoch)


@misconception(
    "train_segmenter",
    "seed-not-used",
    "The seed has no effect on the weights that your model begins with: the same seed gives another model every time.",
    "Call `torch.manual_seed(seed)` before you build the model.",
    fails="test_segmenter_depends_on_its_seed_alone",
)
def segmenter_without_seed(images, masks, *, num_classes, epochs, seed, device="cpu", on_epoch=None):
    return fit(images, masks, num_classes, epochs, seed, on_epoch, seeded="never")


@misconception(
    "train_segmenter",
    "epochs-from-zero",
    "You tell on_epoch the epochs from 0; they are counted from 1.",
    "Where does your `range` begin?",
    fails="test_segmenter_tells_of_every_epoch",
)
def segmenter_from_zero(images, masks, *, num_classes, epochs, seed, device="cpu", on_epoch=None):
    return fit(images, masks, num_classes, epochs, seed, on_epoch and (lambda epoch, loss: on_epoch(epoch - 1, loss)))


@misconception(
    "train_segmenter",
    "on-epoch-never-called",
    "on_epoch is never called: nobody learns how training goes.",
    "After each epoch, if on_epoch is not None, call it with the number and the mean loss.",
    fails="test_segmenter_tells_of_every_epoch",
)
def segmenter_silent(images, masks, *, num_classes, epochs, seed, device="cpu", on_epoch=None):
    return fit(images, masks, num_classes, epochs, seed)


@misconception(
    "train_segmenter",
    "on-epoch-not-optional",
    "You call on_epoch without asking whether there is one: without it, training ends after the first "
    "epoch with an error.",
    "It may be None.",
    fails="test_segmenter_needs_no_on_epoch",
)
def segmenter_insists(images, masks, *, num_classes, epochs, seed, device="cpu", on_epoch=None):
    return fit(images, masks, num_classes, epochs, seed, lambda epoch, loss: on_epoch(epoch, loss))


@misconception(
    "train_segmenter",
    "never-steps",
    "Your weights never change: the gradient is computed, but no step is taken, and after training the "
    "model guesses as before.",
    "Which call moves the weights, and does the optimizer have the parameters of this model?",
    fails="test_segmenter_learns_squares",
)
def segmenter_without_steps(images, masks, *, num_classes, epochs, seed, device="cpu", on_epoch=None):
    return fit(images, masks, num_classes, epochs, seed, on_epoch, learn=False)
