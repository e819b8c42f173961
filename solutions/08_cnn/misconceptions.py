"""Wrong solutions of 08_cnn that students write, each with its explanation."""

import math

import torch
from nnkata.grader.authors import classifier_training, misconception, recurring
from torch import nn
from torch.nn import functional as F


def _pair(value):
    return (value, value) if isinstance(value, int) else tuple(value)


# -- conv_output_size ------------------------------------------------------------------------------------------------


def _size(formula):
    """A size by this formula, with the checks that most people write: of the settings, and of the result."""

    def size(size, kernel_size, stride=1, padding=0, dilation=1):
        if stride < 1 or dilation < 1 or padding < 0:
            raise ValueError("stride and dilation must be at least 1, padding at least 0")
        output = formula(size, kernel_size, stride, padding, dilation)
        if output < 1:
            raise ValueError("the kernel does not fit")
        return output

    return size


@misconception(
    "conv_output_size",
    "padding-counted-once",
    "You add the padding once. It is added at both ends: a 3-pixel kernel with padding 1 leaves 28 pixels "
    "28, yours makes them 27.",
    "How many pixels are there in all, from end to end?",
    fails=["test_size_by_hand", "test_size_with_everything_together"],
)
@_size
def size_padding_once(size, kernel_size, stride, padding, dilation):
    return (size + padding - dilation * (kernel_size - 1) - 1) // stride + 1


@misconception(
    "conv_output_size",
    "rounded-up",
    "You round up. A kernel that does not fit any more has no place: 7 pixels with a 2-pixel window and "
    "stride 2 give 3 places.",
    "What is left over at the end is dropped.",
    fails=["test_size_rounds_down", "test_size_with_everything_together"],
)
@_size
def size_rounded_up(size, kernel_size, stride, padding, dilation):
    return math.ceil((size + 2 * padding - dilation * (kernel_size - 1) - 1) / stride) + 1


@misconception(
    "conv_output_size",
    "one-place-forgotten",
    "You count the steps between places, not the places: one more than the steps.",
    "A kernel as large as the image has one place, and takes no step.",
    fails=["test_size_by_hand"],
)
@_size
def size_without_the_first(size, kernel_size, stride, padding, dilation):
    return (size + 2 * padding - dilation * (kernel_size - 1) - 1) // stride


@misconception(
    "conv_output_size",
    "dilation-times-kernel",
    "You take dilation · kernel_size for what the kernel spans. Three taps two pixels apart span 5 pixels, "
    "not 6: there are only two "
    "gaps between three taps.",
    "Count the gaps.",
    fails=["test_size_by_hand", "test_size_with_everything_together"],
)
@_size
def size_dilation_times_kernel(size, kernel_size, stride, padding, dilation):
    return (size + 2 * padding - dilation * kernel_size) // stride + 1


@misconception(
    "conv_output_size",
    "one-place-too-many",
    "You find one place too many wherever the stride leaves no rest: a 3-pixel kernel in 5 pixels has 3 places, you "
    "count 4. The kernel spans dilation · (kernel_size − 1) + 1 pixels, and the 1 is missing in what you subtract.",
    "How many places does a kernel have that is as large as the image?",
    fails=["test_size_by_hand", "test_size_with_everything_together"],
)
@_size
def size_one_too_many(size, kernel_size, stride, padding, dilation):
    return (size + 2 * padding - dilation * (kernel_size - 1)) // stride + 1


@misconception(
    "conv_output_size",
    "dilation-left-out",
    "You leave the dilation out: three taps two pixels apart span 5 pixels, and you count 3.",
    "What does the kernel span, from its first tap to its last?",
    fails=["test_size_by_hand", "test_size_with_everything_together"],
)
@_size
def size_dilation_ignored(size, kernel_size, stride, padding, dilation):
    return (size + 2 * padding - kernel_size) // stride + 1


@misconception(
    "conv_output_size",
    "dilation-times-kernel-minus-one",
    "You subtract dilation · kernel_size and 1 besides. In the formula the dilation multiplies the gaps between the "
    "taps, kernel_size − 1 of them: three taps two pixels apart span 2 · 2 + 1 = 5 pixels.",
    "Look where the parentheses belong.",
    fails=["test_size_by_hand", "test_size_with_everything_together"],
)
@_size
def size_dilation_times_kernel_minus_one(size, kernel_size, stride, padding, dilation):
    return (size + 2 * padding - dilation * kernel_size - 1) // stride + 1


@misconception(
    "conv_output_size",
    "padding-and-dilation-ignored",
    "You use the size, the kernel and the stride only: padding makes the image larger at both ends, and dilation makes "
    "the kernel span more pixels than it has taps.",
    "Begin with what you have, and put in what the image and the kernel really measure.",
    fails=["test_size_by_hand", "test_size_with_everything_together"],
)
@_size
def size_padding_and_dilation_ignored(size, kernel_size, stride, padding, dilation):
    return (size - kernel_size) // stride + 1


@misconception(
    "conv_output_size",
    "padding-once-dilation-ignored",
    "You add the padding once, though it is added at both ends, and leave the dilation out, though it makes the kernel "
    "span more pixels than it has taps.",
    "How many pixels are there from end to end, and how many does the kernel span?",
    fails=["test_size_by_hand", "test_size_with_everything_together"],
)
@_size
def size_padding_once_dilation_ignored(size, kernel_size, stride, padding, dilation):
    return (size + padding - kernel_size) // stride + 1


@misconception(
    "conv_output_size",
    "padding-ignored",
    "You leave the padding out: a 3-pixel kernel with padding 1 leaves 28 pixels 28, yours makes them 26.",
    "Padding makes the image larger at both ends, before the kernel comes.",
    fails=["test_size_by_hand", "test_size_with_everything_together"],
)
@_size
def size_padding_ignored(size, kernel_size, stride, padding, dilation):
    return (size - dilation * (kernel_size - 1) - 1) // stride + 1


@misconception(
    "conv_output_size",
    "a-float-for-a-size",
    "You return a float. A size is an int: no tensor can be made with 26.0 rows.",
    "`//` stays within the ints, `/` does not.",
    fails=["test_size_by_hand", "test_size_rounds_down"],
)
@_size
def size_float(size, kernel_size, stride, padding, dilation):
    return math.floor((size + 2 * padding - dilation * (kernel_size - 1) - 1) / stride) + 1.0


@misconception(
    "conv_output_size",
    "sizes-below-one-returned",
    "You return 0 or a negative number where the kernel does not fit. Nobody can build that, so say it at "
    "once with a ValueError.",
    "Look at the result before you return it.",
    fails=[
        "test_size_rejects_kernels_that_do_not_fit",
        "test_size_rejects_kernels_that_do_not_fit_with_a_stride",
    ],
)
def size_any(size, kernel_size, stride=1, padding=0, dilation=1):
    if stride < 1 or dilation < 1 or padding < 0:
        raise ValueError("stride and dilation must be at least 1, padding at least 0")
    return (size + 2 * padding - dilation * (kernel_size - 1) - 1) // stride + 1


@misconception(
    "conv_output_size",
    "rounded-towards-zero",
    "`int(a / b)` rounds towards 0. Where the kernel does not fit, a is negative, and that is up: −1 / 10 "
    "becomes 0 and you find one place "
    "for a 5-pixel kernel in 4 pixels.",
    "Use `//`, or compare kernel and image before you divide.",
    fails="test_size_rejects_kernels_that_do_not_fit_with_a_stride",
)
@_size
def size_truncated(size, kernel_size, stride, padding, dilation):
    return int((size + 2 * padding - dilation * (kernel_size - 1) - 1) / stride) + 1


@misconception(
    "conv_output_size",
    "settings-unchecked",
    "You accept any stride, dilation and padding: a negative padding gives a size that no convolution has, "
    "a stride of 0 a "
    "ZeroDivisionError.",
    "Check the three before you calculate.",
    fails="test_size_rejects_impossible_settings",
)
def size_unchecked(size, kernel_size, stride=1, padding=0, dilation=1):
    output = (size + 2 * padding - dilation * (kernel_size - 1) - 1) // stride + 1
    if output < 1:
        raise ValueError("the kernel does not fit")
    return output


@misconception(
    "conv_output_size",
    "rule-of-padding-same",
    "Your size is ⌈size / stride⌉, as libraries have it for padding “same”: kernel and padding play no part in it.",
    "Here the padding is given: how many places does the kernel have in size + 2·padding pixels?",
    fails=["test_size_by_hand", "test_size_with_everything_together"],
)
def size_of_padding_same(size, kernel_size, stride=1, padding=0, dilation=1):
    if stride < 1 or dilation < 1 or padding < 0 or size + 2 * padding < dilation * (kernel_size - 1) + 1:
        raise ValueError("the kernel does not fit")
    return -(-size // stride)


@misconception(
    "conv_output_size",
    "stride-ignored-in-size",
    "Your size is that of stride 1, whatever `stride` says.",
    "After the first place each further one needs `stride` more pixels.",
    fails=["test_size_rounds_down", "test_size_with_everything_together"],
)
@_size
def size_no_stride(size, kernel_size, stride, padding, dilation):
    return size + 2 * padding - dilation * (kernel_size - 1)


@misconception(
    "conv_output_size",
    "one-added-before-the-division",
    "Your size is what comes out if 1 is added before the division by the stride instead of after it.",
    "The first place costs no stride: it is counted apart.",
    fails=["test_size_by_hand", "test_size_rounds_down"],
)
@_size
def size_one_first(size, kernel_size, stride, padding, dilation):
    return (size + 2 * padding - dilation * (kernel_size - 1)) // stride


@misconception(
    "conv_output_size",
    "size-of-a-transposed-convolution",
    "Your size is that of a transposed convolution: it grows with the stride, where a convolution's shrinks.",
    "A convolution divides by its stride.",
    fails=["test_size_by_hand", "test_size_with_everything_together"],
)
@_size
def size_transposed(size, kernel_size, stride, padding, dilation):
    return (size - 1) * stride - 2 * padding + dilation * (kernel_size - 1) + 1


@misconception(
    "conv_output_size",
    "rounded-to-the-nearest",
    "You round to the nearest whole number. Half a place is no place.",
    "Round down: `//`.",
    fails="test_size_rounds_down",
)
@_size
def size_nearest(size, kernel_size, stride, padding, dilation):
    return int((size + 2 * padding - dilation * (kernel_size - 1) - 1) / stride + 0.5) + 1


# -- conv2d ----------------------------------------------------------------------------------------------------------


@misconception(
    "conv2d",
    "kernel-flipped",
    "You flip the kernel, as mathematics defines a convolution. Deep learning does not: what PyTorch calls "
    "a convolution is a "
    "cross-correlation, and learned weights would come out mirrored.",
    "Lay the kernel on the image as it is.",
    fails=["test_conv_by_hand", "test_conv_matches_pytorch"],
)
def conv_flipped(input, weight, bias=None, stride=1, padding=0, dilation=1):
    return F.conv2d(input, weight.flip(-1, -2), bias, stride, padding, dilation)


@misconception(
    "conv2d",
    "bias-forgotten",
    "You take a bias and never add it.",
    "One number for each output channel, added at every place.",
    fails=["test_conv_by_hand", "test_conv_bias"],
)
def conv_no_bias(input, weight, bias=None, stride=1, padding=0, dilation=1):
    return F.conv2d(input, weight, None, stride, padding, dilation)


@misconception(
    "conv2d",
    "stride-ignored",
    "Your kernel moves by one pixel whatever `stride` says.",
    "With stride 2 every second place is left out.",
    fails="test_conv_matches_pytorch",
)
def conv_no_stride(input, weight, bias=None, stride=1, padding=0, dilation=1):
    return F.conv2d(input, weight, bias, 1, padding, dilation)


@misconception(
    "conv2d",
    "stride-and-padding-swapped",
    "You have swapped stride and padding somewhere. With stride 1 and padding 1 nobody notices.",
    "Their order is stride, padding, dilation; `F.unfold` has another one.",
    fails="test_conv_matches_pytorch",
)
def conv_swapped(input, weight, bias=None, stride=1, padding=0, dilation=1):
    return F.conv2d(input, weight, bias, tuple(max(p, 1) for p in _pair(padding)), stride, dilation)


@misconception(
    "conv2d",
    "padding-at-one-side",
    "You pad on the left and at the top only. Padding 1 adds a row at the bottom and a column on the right as well.",
    "`F.pad` takes four numbers for an image: left, right, top, bottom.",
    fails="test_conv_matches_pytorch",
)
def conv_one_side(input, weight, bias=None, stride=1, padding=0, dilation=1):
    p = _pair(padding)
    return F.conv2d(F.pad(input, (p[1], 0, p[0], 0)), weight, bias, stride, 0, dilation)


@misconception(
    "conv2d",
    "padding-repeats-the-edge",
    "You pad by repeating the edge. Zeros are asked for.",
    "`F.pad` pads with zeros unless it is told otherwise.",
    fails="test_conv_matches_pytorch",
)
def conv_replicate(input, weight, bias=None, stride=1, padding=0, dilation=1):
    p = _pair(padding)
    return F.conv2d(F.pad(input, (p[1], p[1], p[0], p[0]), mode="replicate"), weight, bias, stride, 0, dilation)


@misconception(
    "conv2d",
    "dilation-ignored",
    "Your kernel's taps always touch. With dilation 2 there is one pixel between them.",
    "Tap (i, j) looks at the pixel i · dilation below and j · dilation to the right.",
    fails=["test_conv_dilation", "test_conv_pairs"],
)
def conv_no_dilation(input, weight, bias=None, stride=1, padding=0, dilation=1):
    return F.conv2d(input, weight, bias, stride, padding)


@misconception(
    "conv2d",
    "pairs-turned-round",
    "You take pairs as (width, height). They are (height, width), in the order of the tensor's dimensions. "
    "Only `F.pad` begins with the "
    "width.",
    "Give stride (1, 2) and look at the shape of the result.",
    fails="test_conv_pairs",
)
def conv_pairs_turned(input, weight, bias=None, stride=1, padding=0, dilation=1):
    return F.conv2d(input, weight, bias, _pair(stride)[::-1], _pair(padding)[::-1], _pair(dilation)[::-1])


@misconception(
    "conv2d",
    "ints-only",
    "Your convolution cannot take pairs: stride, padding and dilation may each be an int or a pair (height, width).",
    "Turn ints into pairs at the beginning, and go on with pairs.",
    fails="test_conv_pairs",
)
def conv_ints_only(input, weight, bias=None, stride=1, padding=0, dilation=1):
    return F.conv2d(input, weight, bias, stride + 0, padding + 0, dilation + 0)


@misconception(
    "conv2d",
    "square-kernels-only",
    "You take the kernel's height for its width as well. Kernels need not be square.",
    "The weight's shape has both as its last two entries.",
    fails=["test_conv_matches_pytorch", "test_conv_of_extreme_kernels"],
)
def conv_square(input, weight, bias=None, stride=1, padding=0, dilation=1):
    n, c = input.shape[:2]
    kernel = weight.shape[2]
    (sh, sw), (ph, pw), (dh, dw) = _pair(stride), _pair(padding), _pair(dilation)
    patches = F.unfold(input, kernel, (dh, dw), (ph, pw), (sh, sw))
    height = (input.shape[2] + 2 * ph - dh * (kernel - 1) - 1) // sh + 1
    output = weight.reshape(len(weight), c * kernel * kernel) @ patches
    output = output if bias is None else output + bias[:, None]
    return output.reshape(n, len(weight), height, -1)


@misconception(
    "conv2d",
    "first-channel-only",
    "Your sum runs over one input channel only. Every output channel looks at all of them, with a kernel for each.",
    "Sum over the channels as well as over the taps.",
    fails="test_conv_matches_pytorch",
)
def conv_one_channel(input, weight, bias=None, stride=1, padding=0, dilation=1):
    return F.conv2d(input[:, :1], weight[:, :1], bias, stride, padding, dilation)


recurring.detached("conv2d", F.conv2d, id="cut-off-from-the-graph", fails="test_conv_gradients")


@misconception(
    "conv2d",
    "result-always-float32",
    "You fill a tensor of zeros that is always float32 and always on the CPU.",
    "`input.new_zeros(...)` has the dtype and the device of the input.",
    fails=["test_conv_keeps_the_dtype", "test_conv_on_another_device"],
)
def conv_float32(input, weight, bias=None, stride=1, padding=0, dilation=1):
    result = F.conv2d(input, weight, bias, stride, padding, dilation)
    return torch.zeros(result.shape) + result.to(torch.float32)


@misconception(
    "conv2d",
    "stride-of-the-height-for-both",
    "Of a pair `stride` your convolution uses the first number only, that of the height, for the width as well.",
    "A pair is (height, width): the second number belongs to the width.",
    fails="test_conv_pairs",
)
def conv_stride_of_height(input, weight, bias=None, stride=1, padding=0, dilation=1):
    return F.conv2d(input, weight, bias, (_pair(stride)[0],) * 2, padding, dilation)


@misconception(
    "conv2d",
    "padding-of-the-height-for-both",
    "Of a pair `padding` your convolution uses the first number only, that of the height, for the width as well.",
    "A pair is (height, width): the second number belongs to the width.",
    fails="test_conv_pairs",
)
def conv_padding_of_height(input, weight, bias=None, stride=1, padding=0, dilation=1):
    return F.conv2d(input, weight, bias, stride, (_pair(padding)[0],) * 2, dilation)


@misconception(
    "conv2d",
    "dilation-of-the-height-for-both",
    "Of a pair `dilation` your convolution uses the first number only, that of the height, for the width as well.",
    "A pair is (height, width): the second number belongs to the width.",
    fails="test_conv_pairs",
)
def conv_dilation_of_height(input, weight, bias=None, stride=1, padding=0, dilation=1):
    return F.conv2d(input, weight, bias, stride, padding, (_pair(dilation)[0],) * 2)


@misconception(
    "conv2d",
    "first-number-of-every-pair-for-both",
    "Of every pair your convolution uses the first number only, that of the height, for the width as well.",
    "A pair is (height, width): the second number belongs to the width.",
    fails="test_conv_pairs",
)
def conv_first_of_pairs(input, weight, bias=None, stride=1, padding=0, dilation=1):
    stride, padding, dilation = ((_pair(each)[0],) * 2 for each in (stride, padding, dilation))
    return F.conv2d(input, weight, bias, stride, padding, dilation)


@misconception(
    "conv2d",
    "bias-for-each-tap",
    "Your bias comes out too large: once for each tap of the kernel, or for each input channel, instead of once "
    "for each place.",
    "Add the bias once, after all sums.",
    fails=["test_conv_by_hand", "test_conv_bias"],
)
def conv_bias_each_tap(input, weight, bias=None, stride=1, padding=0, dilation=1):
    count = weight.shape[2] * weight.shape[3]
    return F.conv2d(input, weight, None if bias is None else bias * count, stride, padding, dilation)


@misconception(
    "conv2d",
    "padding-ignored-in-convolution",
    "Your image is never padded, whatever `padding` says: the result is smaller than it should be.",
    "`F.pad` and `F.unfold` both can pad with zeros.",
    fails="test_conv_matches_pytorch",
)
def conv_no_padding(input, weight, bias=None, stride=1, padding=0, dilation=1):
    return F.conv2d(input, weight, bias, stride, 0, dilation)


@misconception(
    "conv2d",
    "kernel-transposed",
    "Your kernel lies on its side: its rows are taken for columns.",
    "Tap (i, j) looks i pixels down and j to the right.",
    fails="test_conv_matches_pytorch",
)
def conv_transposed(input, weight, bias=None, stride=1, padding=0, dilation=1):
    return F.conv2d(input, weight.transpose(2, 3), bias, stride, padding, dilation)


@misconception(
    "conv2d",
    "taps-averaged",
    "Your result is divided by the number of taps: a mean where a sum is asked for.",
    "Products are summed, and that is all.",
    fails=["test_conv_by_hand", "test_conv_matches_pytorch"],
)
def conv_averaged(input, weight, bias=None, stride=1, padding=0, dilation=1):
    return F.conv2d(input, weight / (weight.shape[2] * weight.shape[3]), bias, stride, padding, dilation)


# -- max_pool2d ------------------------------------------------------------------------------------------------------


@misconception(
    "max_pool2d",
    "padded-with-zeros",
    "You pad with zeros. In a window at the edge in which all values are negative, the padding wins.",
    "Pad with a number that can never be the largest.",
    fails="test_pool_pads_with_minus_infinity",
)
def pool_zeros(input, kernel_size, stride=None, padding=0):
    p = _pair(padding)
    return F.max_pool2d(F.pad(input, (p[1], p[1], p[0], p[0])), kernel_size, stride)


@misconception(
    "max_pool2d",
    "padded-with-not-enough",
    "You pad with a number that is small, but not the smallest: values below it lose against the padding.",
    "Take `float('-inf')`.",
    fails="test_pool_pads_with_minus_infinity",
)
def pool_minus_1000(input, kernel_size, stride=None, padding=0):
    p = _pair(padding)
    return F.max_pool2d(F.pad(input, (p[1], p[1], p[0], p[0]), value=-1000.0), kernel_size, stride)


@misconception(
    "max_pool2d",
    "stride-of-1-by-default",
    "Without a stride your windows move by one pixel. They move as far as they are large, so that each "
    "pixel lies in one window.",
    "`stride=None` stands for kernel_size.",
    fails=["test_pool_by_hand", "test_pool_matches_pytorch"],
)
def pool_stride_1(input, kernel_size, stride=None, padding=0):
    return F.max_pool2d(input, kernel_size, 1 if stride is None else stride, padding)


@misconception(
    "max_pool2d",
    "stride-ignored-in-pooling",
    "You ignore `stride`: your windows always move as far as they are large.",
    "Only None means that; any other stride is used as it is.",
    fails=["test_pool_by_hand", "test_pool_stride"],
)
def pool_ignores_stride(input, kernel_size, stride=None, padding=0):
    return F.max_pool2d(input, kernel_size, None, padding)


@misconception(
    "max_pool2d",
    "mean-instead-of-max",
    "You take the mean of each window. That is average pooling.",
    "The largest value is asked for.",
    fails=["test_pool_by_hand", "test_pool_matches_pytorch"],
)
def pool_mean(input, kernel_size, stride=None, padding=0):
    return F.avg_pool2d(input, kernel_size, stride, padding)


@misconception(
    "max_pool2d",
    "incomplete-windows-counted",
    "You also count windows that reach over the edge: 9 pixels with window 2 give you 5 values, not 4.",
    "Round the number of places down, as `conv_output_size` does.",
    fails="test_pool_matches_pytorch",
)
def pool_ceil(input, kernel_size, stride=None, padding=0):
    return F.max_pool2d(input, kernel_size, stride, padding, ceil_mode=True)


@misconception(
    "max_pool2d",
    "batches-only",
    "Your pooling expects four dimensions. A single image (C, H, W) has three, and is pooled just so.",
    "Count dimensions from the end: height is −2, width −1.",
    fails="test_pool_of_a_single_image",
)
def pool_batches_only(input, kernel_size, stride=None, padding=0):
    _, _, _, _ = input.shape
    return F.max_pool2d(input, kernel_size, stride, padding)


@misconception(
    "max_pool2d",
    "pooling-pairs-turned-round",
    "You take pairs as (width, height); they are (height, width).",
    "Only `F.pad` begins with the width.",
    fails="test_pool_pairs",
)
def pool_pairs_turned(input, kernel_size, stride=None, padding=0):
    return F.max_pool2d(input, _pair(kernel_size)[::-1], stride and _pair(stride)[::-1], _pair(padding)[::-1])


@misconception(
    "max_pool2d",
    "maximum-begins-at-zero",
    "A window in which all values are negative gives 0, even without padding: that is what comes out if a "
    "running maximum begins at 0.",
    "Begin with minus infinity, or with the first value of the window.",
    fails=["test_pool_by_hand", "test_pool_matches_pytorch"],
)
def pool_from_0(input, kernel_size, stride=None, padding=0):
    return F.max_pool2d(input, kernel_size, stride, padding).relu()


@misconception(
    "max_pool2d",
    "minimum-instead-of-maximum",
    "You hand on the smallest value of each window.",
    "The largest is asked for.",
    fails=["test_pool_by_hand", "test_pool_matches_pytorch"],
)
def pool_min(input, kernel_size, stride=None, padding=0):
    return -F.max_pool2d(-input, kernel_size, stride, padding)


@misconception(
    "max_pool2d",
    "padding-ignored-in-pooling",
    "You ignore `padding`: no window reaches over the edge.",
    "Pad with minus infinity before you cut the windows.",
    fails="test_pool_pads_with_minus_infinity",
)
def pool_no_padding(input, kernel_size, stride=None, padding=0):
    return F.max_pool2d(input, kernel_size, stride)


@misconception(
    "max_pool2d",
    "largest-by-magnitude",
    "You hand on the value with the largest magnitude: −3 wins against 2.",
    "Compare the values themselves.",
    fails=["test_pool_by_hand", "test_pool_matches_pytorch"],
)
def pool_magnitude(input, kernel_size, stride=None, padding=0):
    (kh, kw), (ph, pw) = _pair(kernel_size), _pair(padding)
    sh, sw = (kh, kw) if stride is None else _pair(stride)
    padded = F.pad(input, (pw, pw, ph, ph))
    windows = padded.unfold(-2, kh, sh).unfold(-2, kw, sw).flatten(-2)
    return windows.gather(-1, windows.abs().argmax(-1, keepdim=True)).squeeze(-1)


@misconception(
    "max_pool2d",
    "pooling-stride-of-the-height-for-both",
    "Of a pair `stride` you use the first number only, that of the height, for the width as well.",
    "A pair is (height, width).",
    fails="test_pool_pairs",
)
def pool_stride_of_height(input, kernel_size, stride=None, padding=0):
    return F.max_pool2d(input, kernel_size, stride if stride is None else _pair(stride)[0], padding)


@misconception(
    "max_pool2d",
    "window-of-the-height-for-both",
    "Of a pair `kernel_size` you use the first number only, that of the height, for the width as well.",
    "A pair is (height, width).",
    fails="test_pool_pairs",
)
def pool_window_of_height(input, kernel_size, stride=None, padding=0):
    return F.max_pool2d(input, _pair(kernel_size)[0], stride, padding)


# -- BatchNorm2d -----------------------------------------------------------------------------------------------------


class _BatchNorm2d(nn.Module):
    """A right one whose steps can be replaced one by one."""

    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight, self.bias = (
            nn.Parameter(torch.ones(num_features)),
            nn.Parameter(torch.zeros(num_features)),
        )
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))
        self.register_buffer("num_batches_tracked", torch.tensor(0))

    def check(self, x):
        if x.numel() == x.shape[1]:
            raise ValueError("more than one value per channel is needed")

    def variance(self, x):
        return x.var((0, 2, 3), correction=0)

    def new_variance(self, x):
        return x.var((0, 2, 3))

    def mean(self, x):
        return x.mean((0, 2, 3))

    @torch.no_grad()
    def update(self, x):
        self.running_mean.lerp_(x.mean((0, 2, 3)), self.momentum)
        self.running_var.lerp_(self.new_variance(x), self.momentum)
        self.num_batches_tracked += 1

    def statistics(self, x):
        if not self.training:
            return self.running_mean, self.running_var
        self.check(x)
        self.update(x)
        return self.mean(x), self.variance(x)

    def root(self, var):
        return (var + self.eps).sqrt()

    def forward(self, x):
        mean, var = self.statistics(x)
        scale = self.weight / self.root(var)
        return (x - mean[:, None, None]) * scale[:, None, None] + self.bias[:, None, None]


@misconception(
    "BatchNorm2d",
    "batch-statistics-in-eval-mode",
    "Your layer uses the batch's mean and variance in eval mode too. An image's result then depends on "
    "which others are in the batch.",
    "In eval mode the running statistics take their place.",
    fails="test_bn_eval_uses_the_running_statistics",
)
class BatchStatisticsAlways(_BatchNorm2d):
    def statistics(self, x):
        if self.training:
            self.check(x)
            self.update(x)
        return self.mean(x), self.variance(x)


@misconception(
    "BatchNorm2d",
    "running-statistics-in-training",
    "You normalise with the running statistics in training too. They lag behind, and no gradient flows through them.",
    "In training mode the batch's own mean and variance are used; the running ones are only updated.",
    fails=["test_bn_by_hand", "test_bn_normalises_the_batch"],
)
class RunningAlways(_BatchNorm2d):
    def statistics(self, x):
        if self.training:
            self.check(x)
            self.update(x)
        return self.running_mean.clone(), self.running_var.clone()


@misconception(
    "BatchNorm2d",
    "unbiased-variance-normalises",
    "You normalise with the unbiased variance (`var`'s default, divided by n − 1). With four values per "
    "channel everything comes out "
    "13 % too small.",
    "Tell `var` to divide by n. The unbiased one is for `running_var` only.",
    fails=["test_bn_by_hand", "test_bn_normalises_the_batch"],
)
class UnbiasedNormalises(_BatchNorm2d):
    def variance(self, x):
        return x.var((0, 2, 3))


@misconception(
    "BatchNorm2d",
    "biased-variance-stored",
    "You store the biased variance in `running_var`. What is kept is an estimate for all images, so it is "
    "divided by n − 1.",
    "Multiply by n / (n − 1) before you store it.",
    fails=["test_bn_by_hand", "test_bn_running_statistics"],
)
class BiasedStored(_BatchNorm2d):
    def new_variance(self, x):
        return x.var((0, 2, 3), correction=0)


@misconception(
    "BatchNorm2d",
    "momentum-the-wrong-way-round",
    "Your momentum is how much of the old value stays. In PyTorch it is how much of the new one comes in: "
    "with 0.1 a tenth.",
    "running = (1 − momentum) · running + momentum · new.",
    fails=["test_bn_by_hand", "test_bn_running_statistics"],
)
class MomentumTurned(_BatchNorm2d):
    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__(num_features, eps, 1 - momentum)


@misconception(
    "BatchNorm2d",
    "momentum-fixed",
    "You use 0.1 whatever `momentum` is given.",
    "Keep the argument in the constructor, and use it in the update.",
    fails=["test_bn_running_statistics", "test_bn_momentum_of_0_and_1"],
)
class MomentumFixed(_BatchNorm2d):
    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__(num_features, eps)


@misconception(
    "BatchNorm2d",
    "eps-outside-of-the-root",
    "You add eps to the standard deviation. It belongs to the variance, inside of the root.",
    "Divide by √(variance + eps).",
    fails="test_bn_eps",
)
class EpsOutside(_BatchNorm2d):
    def root(self, var):
        return var.sqrt() + self.eps


@misconception(
    "BatchNorm2d",
    "each-image-on-its-own",
    "You take mean and variance of each image alone, over height and width. That is instance normalisation.",
    "Each channel has one mean for the whole batch: over N, H and W.",
    fails=["test_bn_by_hand", "test_bn_normalises_the_batch"],
)
class InstanceNorm(_BatchNorm2d):
    def forward(self, x):
        if not self.training:
            return super().forward(x)
        self.statistics(x)
        normal = (x - x.mean((2, 3), keepdim=True)) / self.root(x.var((2, 3), correction=0, keepdim=True))
        return normal * self.weight[:, None, None] + self.bias[:, None, None]


@misconception(
    "BatchNorm2d",
    "each-pixel-on-its-own",
    "You take mean and variance over the batch only, for each pixel separately. In an image a channel means "
    "the same everywhere.",
    "Average over N, H and W.",
    fails="test_bn_normalises_the_batch",
)
class PixelNorm(_BatchNorm2d):
    def forward(self, x):
        if not self.training:
            return super().forward(x)
        self.statistics(x)
        normal = (x - x.mean(0)) / self.root(x.var(0, correction=0))
        return normal * self.weight[:, None, None] + self.bias[:, None, None]


@misconception(
    "BatchNorm2d",
    "scale-and-shift-forgotten",
    "You never use `weight` and `bias`. Without them the layer could not even learn to leave its input as it is.",
    "The normalised values are multiplied by weight, then bias is added, one of each per channel.",
    fails=["test_bn_by_hand", "test_bn_normalises_the_batch", "test_bn_gradients"],
)
class NotAffine(_BatchNorm2d):
    def forward(self, x):
        mean, var = self.statistics(x)
        return (x - mean[:, None, None]) / self.root(var)[:, None, None]


@misconception(
    "BatchNorm2d",
    "statistics-are-no-buffers",
    "Your running statistics are plain attributes, not buffers: `state_dict` does not save them, and "
    "`.to(device)` does not move them.",
    "`register_buffer` makes them part of the module.",
    fails=["test_bn_begins_like_pytorch"],
)
class PlainAttributes(_BatchNorm2d):
    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__(num_features, eps, momentum)
        del self.running_mean, self.running_var
        self.running_mean, self.running_var = torch.zeros(num_features), torch.ones(num_features)


@misconception(
    "BatchNorm2d",
    "statistics-are-parameters",
    "Your running statistics are parameters, so an optimizer would try to train them.",
    "They are buffers: part of the state, but not learned.",
    fails="test_bn_begins_like_pytorch",
)
class StatisticsAsParameters(_BatchNorm2d):
    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__(num_features, eps, momentum)
        del self.running_mean, self.running_var
        self.running_mean = nn.Parameter(torch.zeros(num_features), requires_grad=False)
        self.running_var = nn.Parameter(torch.ones(num_features), requires_grad=False)


@misconception(
    "BatchNorm2d",
    "batches-not-counted",
    "`num_batches_tracked` stays where it was. It goes up by one with each batch in training mode.",
    "Count in the same place where you update the running statistics.",
    fails="test_bn_running_statistics",
)
class NotCounted(_BatchNorm2d):
    @torch.no_grad()
    def update(self, x):
        self.running_mean.lerp_(x.mean((0, 2, 3)), self.momentum)
        self.running_var.lerp_(self.new_variance(x), self.momentum)


@misconception(
    "BatchNorm2d",
    "counter-missing",
    "Your layer has no buffer `num_batches_tracked`, so a `state_dict` of `nn.BatchNorm2d` does not fit.",
    "It is a 0-d int64 tensor that begins at 0.",
    fails="test_bn_begins_like_pytorch",
)
class CounterMissing(_BatchNorm2d):
    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__(num_features, eps, momentum)
        del self.num_batches_tracked
        self.num_batches_tracked = 0


@misconception(
    "BatchNorm2d",
    "updates-in-eval-mode",
    "Your running statistics change in eval mode too, so testing changes the network.",
    "Update them in training mode only.",
    fails="test_bn_eval_updates_nothing",
)
class UpdatesInEval(_BatchNorm2d):
    def statistics(self, x):
        if self.training:
            return super().statistics(x)
        mean, var = self.running_mean.clone(), self.running_var.clone()
        if x.numel() > x.shape[1]:
            self.update(x)
        return mean, var


@misconception(
    "BatchNorm2d",
    "statistics-cut-off-from-the-graph",
    "You treat the batch's mean and variance as constants: the output is right, the gradient is not, "
    "because changing one pixel also "
    "changes mean and variance.",
    "Only the running averages are updated without a graph.",
    fails="test_bn_gradients",
)
class StatisticsDetached(_BatchNorm2d):
    def statistics(self, x):
        return super().statistics(x.detach())


@misconception(
    "BatchNorm2d",
    "running-statistics-on-the-graph",
    "Your running statistics hang on the graph of every batch that they have seen: memory grows with each "
    "step until it is full.",
    "Update them under `torch.no_grad()`, or with detached numbers.",
    fails="test_bn_buffers_hold_no_graph",
)
class HoldsGraph(_BatchNorm2d):
    def update(self, x):
        self.running_mean = (1 - self.momentum) * self.running_mean + self.momentum * x.mean((0, 2, 3))
        self.running_var = (1 - self.momentum) * self.running_var + self.momentum * self.new_variance(x)
        self.num_batches_tracked += 1


@misconception(
    "BatchNorm2d",
    "single-value-accepted",
    "With one value per channel your layer returns something in training mode: the value minus itself is 0, "
    "and its unbiased variance is "
    "0/0, so `running_var` becomes NaN for good.",
    "Raise a ValueError where there is only one value per channel.",
    fails="test_bn_rejects_a_single_value_per_channel",
)
class SingleAccepted(_BatchNorm2d):
    def check(self, x):
        pass


@recurring.on_two_devices("BatchNorm2d", id="norm-on-two-devices", fails="test_bn_on_another_device", noun="layer")
class CountsOnTheCpu(_BatchNorm2d):
    def mean(self, x):
        return x.sum((0, 2, 3)) / torch.full((x.shape[1],), x.numel() // x.shape[1], dtype=x.dtype)


@recurring.answers_on_the_cpu(
    "BatchNorm2d", id="norm-answers-on-the-cpu", fails="test_bn_on_another_device", noun="layer"
)
class FillsATensorOfTheCpu(_BatchNorm2d):
    def forward(self, x):
        right = super().forward(x)
        result = torch.zeros(x.shape, dtype=x.dtype)
        for channel in range(x.shape[1]):
            result[:, channel] = right[:, channel]
        return result


@misconception(
    "BatchNorm2d",
    "running-variance-never-updated",
    "`running_var` stays as it was: only the running mean follows the batches, and in eval mode everything is "
    "divided by the root of 1.",
    "Both running statistics move with each batch in training mode.",
    fails=["test_bn_by_hand", "test_bn_running_statistics"],
)
class VarianceStays(_BatchNorm2d):
    @torch.no_grad()
    def update(self, x):
        self.running_mean.lerp_(x.mean((0, 2, 3)), self.momentum)
        self.num_batches_tracked += 1


@misconception(
    "BatchNorm2d",
    "running-mean-never-updated",
    "`running_mean` stays as it was: only the running variance follows the batches.",
    "Both running statistics move with each batch in training mode.",
    fails=["test_bn_by_hand", "test_bn_running_statistics"],
)
class MeanStays(_BatchNorm2d):
    @torch.no_grad()
    def update(self, x):
        self.running_var.lerp_(self.new_variance(x), self.momentum)
        self.num_batches_tracked += 1


@misconception(
    "BatchNorm2d",
    "running-statistics-replaced",
    "Your running statistics are those of the last batch: each new one takes the place of the old, whatever "
    "`momentum` is.",
    "running = (1 − momentum) · running + momentum · new.",
    fails=["test_bn_by_hand", "test_bn_running_statistics"],
)
class Replaced(_BatchNorm2d):
    @torch.no_grad()
    def update(self, x):
        self.running_mean.copy_(x.mean((0, 2, 3)))
        self.running_var.copy_(self.new_variance(x))
        self.num_batches_tracked += 1


@misconception(
    "BatchNorm2d",
    "new-statistics-added",
    "Your running statistics grow: momentum times the new is added, but the old are not made smaller by as much.",
    "running = (1 − momentum) · running + momentum · new.",
    fails=["test_bn_by_hand", "test_bn_running_statistics"],
)
class Added(_BatchNorm2d):
    @torch.no_grad()
    def update(self, x):
        self.running_mean.add_(x.mean((0, 2, 3)), alpha=self.momentum)
        self.running_var.add_(self.new_variance(x), alpha=self.momentum)
        self.num_batches_tracked += 1


@misconception(
    "BatchNorm2d",
    "running-statistics-never-updated",
    "Your running statistics stay at their beginning, so in eval mode nothing is normalised.",
    "In training mode both move with each batch.",
    fails=["test_bn_by_hand", "test_bn_running_statistics"],
)
class NeitherMoves(_BatchNorm2d):
    @torch.no_grad()
    def update(self, x):
        self.num_batches_tracked += 1


@misconception(
    "BatchNorm2d",
    "divided-by-the-variance",
    "You divide by the variance instead of its root: values that spread ten times as wide come out a tenth as "
    "wide as the others.",
    "The standard deviation is the root of the variance.",
    fails=["test_bn_normalises_the_batch", "test_bn_eval_uses_the_running_statistics"],
)
class NoRoot(_BatchNorm2d):
    def root(self, var):
        return var + self.eps


@misconception(
    "BatchNorm2d",
    "eps-fixed",
    "You use 1e-5 whatever `eps` is given.",
    "Keep the argument in the constructor, and use it under the root.",
    fails="test_bn_eps",
)
class EpsFixed(_BatchNorm2d):
    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__(num_features, momentum=momentum)


@misconception(
    "BatchNorm2d",
    "one-statistic-for-all-channels",
    "All channels share one mean and one variance. Each channel means something else and has its own.",
    "Average over N, H and W, not over C.",
    fails="test_bn_normalises_the_batch",
)
class AllChannels(_BatchNorm2d):
    def mean(self, x):
        return x.mean().expand(x.shape[1])

    def variance(self, x):
        return x.var(correction=0).expand(x.shape[1])

    def new_variance(self, x):
        return x.var().expand(x.shape[1])

    @torch.no_grad()
    def update(self, x):
        self.running_mean.lerp_(self.mean(x), self.momentum)
        self.running_var.lerp_(self.new_variance(x), self.momentum)
        self.num_batches_tracked += 1


@misconception(
    "BatchNorm2d",
    "weight-begins-at-random",
    "`weight` and `bias` begin as random numbers. They begin as ones and zeros, so that a fresh layer only normalises.",
    "`torch.ones` and `torch.zeros`.",
    fails="test_bn_begins_like_pytorch",
)
class BeginsAtRandom(_BatchNorm2d):
    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__(num_features, eps, momentum)
        nn.init.normal_(self.weight)
        nn.init.normal_(self.bias)


# -- dropout ---------------------------------------------------------------------------------------------------------


def _probability(p):
    if not 0 <= p <= 1:
        raise ValueError("p must be a probability")


def _kept(x, p):
    return torch.rand_like(x, dtype=torch.float32) >= p


def _inverted(x, kept, p):
    return x * 0 if p == 1 else x * kept / (1 - p)


@misconception(
    "dropout",
    "kept-values-not-scaled",
    "What is kept stays as it is, so with p = 0.5 the next layer gets half as much in training as later in eval mode.",
    "Divide by 1 − p.",
    fails="test_dropout_is_inverted",
)
def dropout_unscaled(x, p=0.5, training=True):
    _probability(p)
    return x * _kept(x, p) if training else x


@misconception(
    "dropout",
    "p-kept",
    "You keep with probability p. It is the probability to be dropped: p = 0.2 keeps four fifths.",
    "A uniform number is below p with probability p. Which of the two sides is dropped?",
    fails=["test_dropout_of_certain_cases", "test_dropout_is_inverted"],
)
def dropout_keeps_p(x, p=0.5, training=True):
    return F.dropout(x, 1 - p, training)


@misconception(
    "dropout",
    "divided-by-p",
    "You divide by p, the probability to be dropped. What stays makes up for what is gone if it is divided "
    "by the probability to stay.",
    "With p = 0.2, four fifths stay: what must 0.8 be multiplied with to be 1?",
    fails="test_dropout_is_inverted",
)
def dropout_divides_by_p(x, p=0.5, training=True):
    _probability(p)
    return x if not training or p == 0 else x * _kept(x, p) / p


@misconception(
    "dropout",
    "drops-outside-of-training",
    "You drop with `training=False` too.",
    "Return x as it is when not in training.",
    fails="test_dropout_of_certain_cases",
)
def dropout_always(x, p=0.5, training=True):
    return F.dropout(x, p)


@misconception(
    "dropout",
    "scaled-in-eval-mode",
    "You scale in eval mode, as the first paper did. Inverted dropout does all its scaling in training, so "
    "that nothing is left to do later.",
    "Return x as it is when not in training.",
    fails="test_dropout_of_certain_cases",
)
def dropout_scales_later(x, p=0.5, training=True):
    _probability(p)
    return x * _kept(x, p) if training else x * (1 - p)


@misconception(
    "dropout",
    "nan-for-p-1",
    "For p = 1 you divide 0 by 0, and everything becomes NaN.",
    "When all is dropped, there is nothing to scale: return zeros.",
    fails="test_dropout_of_certain_cases",
)
def dropout_nan(x, p=0.5, training=True):
    _probability(p)
    return x * _kept(x, p) / (1 - p) if training else x


@misconception(
    "dropout",
    "one-mask-for-all-rows",
    "You draw one mask and use it for every row of the batch.",
    "Draw in the shape of x.",
    fails="test_dropout_is_inverted",
)
def dropout_same_rows(x, p=0.5, training=True):
    _probability(p)
    return _inverted(x, _kept(x[:1], p), p) if training else x


@misconception(
    "dropout",
    "whole-rows-dropped",
    "You draw once for each row, so a whole image is dropped or kept.",
    "Draw in the shape of x.",
    fails="test_dropout_is_inverted",
)
def dropout_whole_rows(x, p=0.5, training=True):
    _probability(p)
    kept = _kept(x[(slice(None), *[slice(1)] * (x.dim() - 1))], p)
    return _inverted(x, kept, p) if training else x


@misconception(
    "dropout",
    "same-mask-each-time",
    "You seed before you draw, so each call drops the same values, and the global random state is changed as well.",
    "Whoever calls you seeds; you only draw.",
    fails="test_dropout_draws_anew",
)
def dropout_seeded(x, p=0.5, training=True):
    torch.manual_seed(0)
    return F.dropout(x, p, training)


@misconception(
    "dropout",
    "neither-scaled-nor-switched-off",
    "You multiply by a mask, and that is all: what stays is not scaled, so that a layer gets less in training than it "
    "should, and with `training=False` you go on dropping.",
    "Divide what stays by the probability to stay, and give x back as it is when nobody trains.",
    fails=["test_dropout_is_inverted", "test_dropout_of_certain_cases"],
)
def dropout_mask_alone(x, p=0.5, training=True):
    if not 0 <= p <= 1:
        raise ValueError("p is a probability")
    return x * _kept(x, p)


@misconception(
    "dropout",
    "p-unchecked",
    "You accept any p. With p = 1.1 you would divide by −0.1, and turn signs.",
    "Check that p is between 0 and 1, both included.",
    fails=["test_dropout_rejects_what_is_no_probability", "test_dropout_rejects_in_eval_mode_too"],
)
def dropout_unchecked(x, p=0.5, training=True):
    return _inverted(x, _kept(x, p), p) if training else x


@misconception(
    "dropout",
    "p-checked-in-training-only",
    "You check p in training only. A wrong p is an error in eval mode too, or it shows up when it is too late.",
    "Check before you look at `training`.",
    fails="test_dropout_rejects_in_eval_mode_too",
)
def dropout_checks_late(x, p=0.5, training=True):
    return F.dropout(x, p) if training else x


@recurring.changes_input_in_place("dropout", id="x-changed-in-place", fails="test_dropout_is_inverted")
def dropout_in_place(x, p=0.5, training=True):
    _probability(p)
    if not training or x.requires_grad:
        return F.dropout(x, p, training)
    x[~_kept(x, p)] = 0
    return x if p == 1 else x / (1 - p)


@misconception(
    "dropout",
    "doubled-whatever-p-is",
    "What you keep becomes twice as large, whatever p is. That is right for p = 0.5 only.",
    "What is kept makes up for what is gone: divide by the probability to stay.",
    fails="test_dropout_is_inverted",
)
def drop_doubled(x, p=0.5, training=True):
    if not 0 <= p <= 1:
        raise ValueError("p must be a probability")
    if not training:
        return x
    if p in (0, 1):
        return x * (1 - p)
    return x * (torch.rand_like(x) >= p) * 2


@misconception(
    "dropout",
    "multiplied-by-the-share-that-stays",
    "What you keep becomes smaller, by the factor 1 − p. In training it is to become larger by as much: inverted "
    "dropout leaves nothing to do in eval mode.",
    "Divide where you multiply.",
    fails="test_dropout_is_inverted",
)
def drop_multiplied(x, p=0.5, training=True):
    if not 0 <= p <= 1:
        raise ValueError("p must be a probability")
    if not training:
        return x
    if p in (0, 1):
        return x * (1 - p)
    return x * (torch.rand_like(x) >= p) * (1 - p)


@misconception(
    "dropout",
    "noise-added",
    "You let through a random share of each value, instead of the whole or nothing.",
    "Compare the random number with p: what comes of it is true or false.",
    fails="test_dropout_is_inverted",
)
def drop_share(x, p=0.5, training=True):
    if not 0 <= p <= 1:
        raise ValueError("p must be a probability")
    if not training:
        return x
    if p in (0, 1):
        return x * (1 - p)
    return x * torch.rand_like(x).clamp(min=1e-3) / (1 - p)


# -- CNN -------------------------------------------------------------------------------------------------------------


class _CNN(nn.Module):
    """A right one whose end can be replaced."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 8, 5, stride=2)
        self.head = nn.Linear(8 * 6 * 6, 10)

    def end(self, x):
        return x

    def forward(self, x):
        return self.end(self.head(F.max_pool2d(self.conv(x).relu(), 2).flatten(1)))


@misconception(
    "CNN",
    "too-many-parameters",
    "Your network has more than 500,000 parameters. Nearly all of them sit in the first linear layer: 64 "
    "channels of 14 × 14 into 128 units "
    "are 1.6 million.",
    "Pool once more before you flatten.",
    fails="test_cnn_is_small_and_convolutional",
)
class TooLarge(_CNN):
    def __init__(self):
        super().__init__()
        self.head = nn.Sequential(nn.Linear(8 * 6 * 6, 1800), nn.ReLU(), nn.Linear(1800, 10))


@misconception(
    "CNN",
    "no-convolution",
    "Your network flattens the image first and gives every pixel its own weights: a multi-layer perceptron. "
    "It has to learn the same stroke "
    "anew for every place.",
    "Begin with convolutions and poolings; flatten at the end.",
    fails="test_cnn_is_small_and_convolutional",
)
class NoConvolution(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))

    def forward(self, x):
        return self.layers(x)


@misconception(
    "CNN",
    "cnn-layers-in-a-plain-list",
    "Your layers are in a plain Python list, where `nn.Module` does not look: the network has no "
    "parameters, and nothing can train it.",
    "Use attributes, `nn.ModuleList` or `nn.Sequential`.",
    fails=["test_cnn_is_small_and_convolutional", "test_cnn_parameters_can_learn"],
)
class CNNPlainList(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = [nn.Conv2d(1, 8, 5, stride=4), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 36, 10)]

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x


@recurring.probabilities_at_the_end("CNN", id="probabilities-at-the-end", fails="test_cnn_returns_logits")
class CNNSoftmax(_CNN):
    def end(self, x):
        return x.softmax(1)


@recurring.log_probabilities_at_the_end("CNN", id="log-probabilities-at-the-end", fails="test_cnn_returns_logits")
class CNNLogSoftmax(_CNN):
    def end(self, x):
        return x.log_softmax(1)


@misconception(
    "CNN",
    "relu-at-the-end",
    "Your network ends with a ReLU: no logit is ever negative, and what it wants to rule out cannot go below 0.",
    "No activation follows the last layer.",
    fails="test_cnn_returns_logits",
)
class CNNRelu(_CNN):
    def end(self, x):
        return x.relu()


@misconception(
    "CNN",
    "sigmoid-at-the-end",
    "Your network ends with a sigmoid: its logits lie between 0 and 1, so no class ever gets more than 23 % "
    "after the softmax.",
    "No activation follows the last layer.",
    fails="test_cnn_returns_logits",
)
class CNNSigmoid(_CNN):
    def end(self, x):
        return x.sigmoid()


@misconception(
    "CNN",
    "images-depend-on-each-other",
    "In eval mode the logits of an image depend on which others are in its batch: some normalisation takes its mean "
    "over the batch although training is over.",
    "Use `nn.BatchNorm2d`, made in `__init__`, or hand `self.training` on to the function.",
    fails="test_cnn_looks_at_each_image_alone",
)
class BatchDependent(_CNN):
    def end(self, x):
        return x - x.mean(0)


@misconception(
    "CNN",
    "other-number-of-scores",
    "Each image gets another number of logits than ten: one for each digit.",
    "The last layer has ten outputs.",
    fails="test_cnn_gives_ten_logits",
)
class OneScore(_CNN):
    def end(self, x):
        return x[:, :1]


@misconception(
    "CNN",
    "layer-never-used",
    "There is a layer in your network that `forward` never uses, so its weights never learn.",
    "Use it or leave it out.",
    fails="test_cnn_parameters_can_learn",
)
class Unused(_CNN):
    def __init__(self):
        super().__init__()
        self.other = nn.Conv2d(8, 8, 3)


@recurring.on_two_devices("CNN", id="cnn-on-two-devices", fails="test_cnn_on_another_device")
class CnnInputToTheCpu(_CNN):
    def forward(self, x):
        return super().forward(x.to("cpu"))


@recurring.answers_on_the_cpu("CNN", id="cnn-answers-on-the-cpu", fails="test_cnn_on_another_device")
class CnnAnswersOnTheCpu(_CNN):
    def end(self, x):
        return x.cpu()


@misconception(
    "CNN",
    "dropout-in-eval-mode",
    "In eval mode two looks at the same images give two answers: a dropout is still on. `F.dropout` is on unless "
    "it is told the mode, and an `nn.Dropout` that is made in `forward` is new each time, and in training mode.",
    "Make `nn.Dropout` in `__init__`, where `eval()` reaches it, or hand `self.training` on.",
    fails=["test_cnn_gives_the_same_answer_twice", "test_cnn_looks_at_each_image_alone"],
)
class DropoutInEval(_CNN):
    def __init__(self):
        super().__init__()
        self.last = nn.Linear(10, 10)

    def end(self, x):
        return self.last(F.dropout(x))


@misconception(
    "CNN",
    "maps-cut-into-other-rows",
    "More rows come out than images went in (or fewer): `view(-1, k)` cuts the maps into rows of k numbers, and "
    "k is not what an image has. Parts of one image become several.",
    "Keep the first axis: `flatten(1)`, or `view(len(x), -1)`; then the linear layer's error says how many "
    "numbers there are.",
    fails="test_cnn_gives_ten_logits",
)
class OtherRows(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.head = nn.Conv2d(1, 8, 5, stride=2), nn.Linear(4 * 6 * 6, 10)

    def forward(self, x):
        return self.head(F.max_pool2d(self.conv(x).relu(), 2).reshape(-1, 4 * 6 * 6))


@misconception(
    "CNN",
    "tanh-at-the-end",
    "Your network ends with a tanh: no logit ever leaves [−1, 1], so no class ever gets more than 45 % after the "
    "softmax.",
    "No activation follows the last layer.",
    fails="test_cnn_returns_logits",
)
class CNNTanh(_CNN):
    def end(self, x):
        return x.tanh()


@misconception(
    "CNN",
    "dropout-on-the-logits",
    "In training mode some of your logits are replaced by 0: a dropout comes after the last layer.",
    "Dropout belongs before the last layer, never after it.",
    fails="test_cnn_returns_logits_while_training",
)
class CNNDropsLogits(_CNN):
    def end(self, x):
        return F.dropout(x, 0.5, self.training)


@recurring.probabilities_in_eval_mode("CNN", id="probabilities-in-eval-mode", fails="test_cnn_returns_logits")
class CNNProbabilitiesInEval(_CNN):
    def end(self, x):
        return x if self.training else x.softmax(1)


@misconception(
    "CNN",
    "images-take-no-part",
    "All images get the same logits: nothing of them arrives at the last layer.",
    "Follow one image through `forward`: is each result used by the next line?",
    fails="test_cnn_looks_at_its_images",
)
class CNNConstant(_CNN):
    def forward(self, x):
        return super().forward(torch.zeros_like(x))


# -- train_classifier ------------------------------------------------------------------------------------------------


classifier_training.add_misconceptions()
