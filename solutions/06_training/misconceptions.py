"""Wrong ways to write the parts of 06_training, each with its explanation."""

import random

import torch
from nnkata.grader.authors import misconception

NAMES = ("train_loss", "val_loss", "val_accuracy")


# -- normalize -------------------------------------------------------------------------------------------------------


@misconception(
    "normalize",
    "zero-to-one",
    "Your pixels run from 0 to 1. That is what dividing by 255 gives; they are to run from −1 to 1, with "
    "their middle at 0.",
    "You are halfway there: what does it take to make an interval of length 1 twice as long, and to move "
    "its middle to 0?",
    fails="test_normalize_by_hand",
)
def zero_to_one(images):
    return (images.float() / 255).reshape(len(images), 1, 28, 28)


@misconception(
    "normalize",
    "arithmetic-in-bytes",
    "You calculate while the pixels are still bytes. A uint8 starts again at 0 after 255, so 2 · 200 is "
    "144: light grey turns dark.",
    "Turn the images into floating-point numbers first, and calculate then.",
    fails=["test_normalize_by_hand", "test_normalize_every_byte"],
)
def arithmetic_in_bytes(images):
    return (2 * images / 255 - 1).reshape(len(images), 1, 28, 28)


@misconception(
    "normalize",
    "standardised-with-mnist-statistics",
    "You subtract 0.1307 and divide by 0.3081, MNIST's mean and standard deviation: 0 becomes −0.42 and 255 "
    "becomes 2.82. That is a fine way to normalise, but not the one asked for.",
    "Look at the two numbers that the docstring names: where do 0 and 255 have to end up? Two points fix a line.",
    fails="test_normalize_by_hand",
)
def standardised(images):
    return ((images.float() / 255 - 0.1307) / 0.3081).reshape(len(images), 1, 28, 28)


@misconception(
    "normalize",
    "stretched-to-the-batch",
    "You stretch the pixels from the smallest to the largest that you are given. The same image then looks "
    "different in another batch, and an image of a single grey gives 0/0.",
    "Bytes have a smallest and a largest value that does not depend on the images at hand.",
    fails="test_normalize_does_not_depend_on_the_other_pixels",
)
def stretched_to_the_batch(images):
    pixels = images.float().reshape(len(images), 1, 28, 28)
    if not len(pixels):
        return pixels
    return 2 * (pixels - pixels.min()) / (pixels.max() - pixels.min()) - 1


@misconception(
    "normalize",
    "channel-axis-always-added",
    "You add a channel axis to every input. Images that have one already come out with five dimensions.",
    "Two shapes may come in and one goes out; say the shape of the result rather than adding to that of the input.",
    fails="test_normalize_shape",
)
def channel_axis_always_added(images):
    return (images.float() / 127.5 - 1).unsqueeze(1)


@misconception(
    "normalize",
    "squeezed-to-the-bone",
    "You squeeze the images before you add the channel axis. With a single image, that removes the axis of "
    "the images as well, and its 28 rows are taken for 28 images.",
    "`squeeze()` removes every axis of length 1. Say which axis you mean, or name the shape that you want.",
    fails="test_normalize_a_single_image_and_none",
)
def squeezed(images):
    return (images.float() / 127.5 - 1).squeeze().unsqueeze(1)


@misconception(
    "normalize",
    "changes-the-caller-s-tensor",
    "You add the channel axis with `unsqueeze_`. The underscore means in place: the caller's own tensor has "
    "another shape afterwards.",
    "There is a form of the same method without the underscore, which returns a new tensor.",
    fails=["test_normalize_shape", "test_normalize_by_hand"],
)
def changes_the_tensor(images):
    if images.dim() == 3:
        images.unsqueeze_(1)
    return images.float() / 127.5 - 1


@misconception(
    "normalize",
    "channel-axis-last",
    "Your result has the shape (N, 28, 28, 1): the channel axis comes last, as image libraries have it. "
    "PyTorch's layers look for it right after the axis of the images.",
    "Where does (N, 1, 28, 28) have its 1?",
    fails=["test_normalize_shape", "test_normalize_by_hand"],
)
def channel_axis_last(images):
    return (images.float() / 127.5 - 1).reshape(len(images), 28, 28, 1)


@misconception(
    "normalize",
    "channel-axis-in-front",
    "Your result is one picture with N channels, (1, N, 28, 28): the new axis stands before that of the images.",
    "The images come first, their channel second. Which axis is the new one to be?",
    fails=["test_normalize_shape", "test_normalize_by_hand"],
)
def channel_axis_in_front(images):
    pixels = images.float() / 127.5 - 1
    return pixels[None] if pixels.dim() == 3 else pixels


@misconception(
    "normalize",
    "channel-axis-never-added",
    "Your result keeps the shape that came in, so images without a channel axis leave without one.",
    "Two shapes may come in and one goes out; name that one.",
    fails=["test_normalize_shape", "test_normalize_by_hand"],
)
def channel_axis_never_added(images):
    return images.float() / 127.5 - 1


@misconception(
    "normalize",
    "divided-by-128",
    "In your result 255 becomes 0.992: that is what comes out if one divides by 128, half the number of bytes, "
    "instead of half the largest byte.",
    "255 − 0 steps are to fill the way from −1 to 1. How many of them make up one unit?",
    fails=["test_normalize_by_hand", "test_normalize_every_byte"],
)
def divided_by_128(images):
    return (images.float() / 128 - 1).reshape(len(images), 1, 28, 28)


@misconception(
    "normalize",
    "half-the-range",
    "Your pixels run from −0.5 to 0.5: the middle is where it should be, but the whole is half as wide.",
    "An interval from −1 to 1 has length 2.",
    fails=["test_normalize_by_hand", "test_normalize_every_byte"],
)
def half_the_range(images):
    return (images.float() / 255 - 0.5).reshape(len(images), 1, 28, 28)


@misconception(
    "normalize",
    "bright-and-dark-exchanged",
    "Your numbers run the other way: 0 becomes 1 and 255 becomes −1, as in a negative.",
    "Try your formula on 0 and on 255.",
    fails=["test_normalize_by_hand", "test_normalize_every_byte"],
)
def exchanged(images):
    return (1 - images.float() / 127.5).reshape(len(images), 1, 28, 28)


@misconception(
    "normalize",
    "double-precision",
    "Your result is float64. It takes twice the memory, and a network's float32 weights refuse to be multiplied "
    "with it.",
    "`.to(torch.float32)`, or `.float()`, before you calculate; a Python number does not change the dtype then.",
    fails=["test_normalize_shape", "test_normalize_by_hand"],
)
def double_precision(images):
    return (images.double() / 127.5 - 1).reshape(len(images), 1, 28, 28)


@misconception(
    "normalize",
    "standardised-with-the-batch",
    "Your result is what comes out if the mean of all pixels at hand is subtracted and their standard deviation "
    "divided by. The same image then looks different in another batch.",
    "Two points fix a line, and the docstring names both: where do 0 and 255 end up?",
    fails=["test_normalize_by_hand", "test_normalize_does_not_depend_on_the_other_pixels"],
)
def standardised_with_the_batch(images):
    pixels = images.float().reshape(len(images), 1, 28, 28)
    return (pixels - pixels.mean()) / pixels.std()


# -- iterate_batches -------------------------------------------------------------------------------------------------


def _order(x, shuffle, generator):
    return torch.randperm(len(x), generator=generator) if shuffle else torch.arange(len(x))


def _cut(x, y, order, batch_size, drop_last=False):
    for chosen in order.split(batch_size):
        if len(chosen) and not (drop_last and len(chosen) < batch_size):
            yield x[chosen], y[chosen]


@misconception(
    "iterate_batches",
    "x-and-y-shuffled-apart",
    "You draw one order for x and another for y. Each image then carries some other image's label, and the "
    "best that a network can learn from ten digits so mixed is chance: 10 %.",
    "Draw once. Whatever picks the inputs has to pick the labels too.",
    fails=["test_batches_keep_pairs_and_use_every_sample_once", "test_batches_can_be_learned_from"],
)
def shuffled_apart(x, y, batch_size, shuffle=True, generator=None, drop_last=False):
    inputs = _cut(x, x, _order(x, shuffle, generator), batch_size, drop_last)
    targets = _cut(y, y, _order(y, shuffle, generator), batch_size, drop_last)
    for (a, _), (b, _) in zip(inputs, targets, strict=True):
        yield a, b


@misconception(
    "iterate_batches",
    "shuffles-the-caller-s-data",
    "You shuffle x and y in place. They belong to the caller, who finds them in another order afterwards, "
    "and other tensors that share their memory or count on their order with them.",
    "Leave the data where it is and shuffle a list of places; indexing with that makes new tensors.",
    fails="test_batches_keep_pairs_and_use_every_sample_once",
)
def shuffles_in_place(x, y, batch_size, shuffle=True, generator=None, drop_last=False):
    order = _order(x, shuffle, generator)
    x[:], y[:] = x[order], y[order]
    yield from _cut(x, y, torch.arange(len(x)), batch_size, drop_last)


@misconception(
    "iterate_batches",
    "drawn-with-replacement",
    "You draw each batch from all samples anew. In one pass some samples come twice or more and about 37 % never come.",
    "An epoch deals the samples out like cards: what has been dealt is out until the next epoch. Shuffle "
    "once, then cut.",
    fails="test_batches_keep_pairs_and_use_every_sample_once",
)
def with_replacement(x, y, batch_size, shuffle=True, generator=None, drop_last=False):
    order = torch.randint(len(x), (len(x),), generator=generator) if shuffle else torch.arange(len(x))
    yield from _cut(x, y, order, batch_size, drop_last)


@misconception(
    "iterate_batches",
    "last-batch-always-dropped",
    "You make N // batch_size batches, so the samples that are left over are lost even without drop_last, "
    "and a batch_size larger than the data gives no batch at all.",
    "The last batch may be smaller. How do you find its place, and when should it be left out?",
    fails=["test_batches_keep_pairs_and_use_every_sample_once", "test_batches_larger_than_the_data"],
)
def last_always_dropped(x, y, batch_size, shuffle=True, generator=None, drop_last=False):
    yield from _cut(x, y, _order(x, shuffle, generator), batch_size, True)


@misconception(
    "iterate_batches",
    "drop-last-ignored",
    "drop_last changes nothing in your batches: the last, smaller batch comes all the same.",
    "Before you hand a batch over, ask whether it is full, and whether it has to be.",
    fails="test_batches_without_the_last",
)
def drop_last_ignored(x, y, batch_size, shuffle=True, generator=None, drop_last=False):
    yield from _cut(x, y, _order(x, shuffle, generator), batch_size)


@misconception(
    "iterate_batches",
    "full-last-batch-dropped",
    "With drop_last you drop the last batch even when it is full: 60 samples in batches of 20 give two "
    "batches instead of three.",
    "drop_last is about the size of the last batch, not about its being the last. Check the bounds of your range.",
    fails="test_batches_keep_a_full_last_one",
)
def full_last_dropped(x, y, batch_size, shuffle=True, generator=None, drop_last=False):
    batches = list(_cut(x, y, _order(x, shuffle, generator), batch_size))
    yield from batches[:-1] if drop_last else batches


@misconception(
    "iterate_batches",
    "dropped-before-shuffling",
    "With drop_last you cut the data to a whole number of batches first and shuffle what is left. So it is "
    "always the same last samples that are never seen, epoch after epoch.",
    "Shuffle all samples first; what is left over at the end of that order is another handful each time.",
    fails="test_batches_are_dropped_after_shuffling",
)
def dropped_before_shuffling(x, y, batch_size, shuffle=True, generator=None, drop_last=False):
    if drop_last:
        x, y = (data[: len(x) // batch_size * batch_size] for data in (x, y))
    yield from _cut(x, y, _order(x, shuffle, generator), batch_size)


@misconception(
    "iterate_batches",
    "batches-shuffled-instead-of-samples",
    "You shuffle the batches, but each holds the same neighbours every time. If the data is sorted by "
    "class, every batch is one class.",
    "Shuffle the samples before you cut them into batches.",
    fails="test_batches_are_shuffled",
)
def batches_shuffled(x, y, batch_size, shuffle=True, generator=None, drop_last=False):
    batches = list(_cut(x, y, torch.arange(len(x)), batch_size, drop_last))
    for i in _order(batches, shuffle, generator):
        yield batches[i]


@misconception(
    "iterate_batches",
    "never-shuffled",
    "Your samples come in their original order whatever `shuffle` says. MNIST happens to come mixed, but "
    "much data is sorted: then a network learns one class after another and forgets the one before.",
    "Where does `shuffle` appear in your code? It is on unless the caller switches it off.",
    fails="test_batches_are_shuffled",
)
def never_shuffled(x, y, batch_size, shuffle=True, generator=None, drop_last=False):
    yield from _cut(x, y, torch.arange(len(x)), batch_size, drop_last)


@misconception(
    "iterate_batches",
    "always-shuffled",
    "Your samples are shuffled even with shuffle=False. In validation that does no harm, but predictions no "
    "longer stand in the order of the data.",
    "Draw a random order only if it is asked for.",
    fails="test_batches_in_order",
)
def always_shuffled(x, y, batch_size, shuffle=True, generator=None, drop_last=False):
    yield from _cut(x, y, _order(x, True, generator), batch_size, drop_last)


@misconception(
    "iterate_batches",
    "generator-ignored",
    "You draw the order from PyTorch's global generator instead of from `generator`. A run can then not be "
    "repeated from its seed: whatever else draws a number in between changes the order.",
    "`torch.randperm` takes the generator as an argument of that name.",
    fails="test_batches_are_drawn_from_the_generator",
)
def generator_ignored(x, y, batch_size, shuffle=True, generator=None, drop_last=False):
    yield from _cut(x, y, _order(x, shuffle, None), batch_size, drop_last)


@misconception(
    "iterate_batches",
    "same-order-every-epoch",
    "You seed the generator anew in each call, so every epoch comes in the same order: the same samples "
    "share a batch every time.",
    "Draw from the generator as it comes; it moves on by itself, and that is what makes the next epoch different.",
    fails="test_batches_are_drawn_from_the_generator",
)
def same_order(x, y, batch_size, shuffle=True, generator=None, drop_last=False):
    seed = torch.initial_seed() if generator is None else generator.initial_seed()
    order = _order(x, shuffle, torch.Generator().manual_seed(seed))
    yield from _cut(x, y, order, batch_size, drop_last)


@misconception(
    "iterate_batches",
    "y-before-x",
    "Your pairs are (y, x): labels first. Whoever unpacks them as (x, y) feeds labels to the network.",
    "Look at the order in “Yields”.",
    fails=["test_batches_come_as_pairs_of_the_right_sizes", "test_batches_in_order"],
)
def y_before_x(x, y, batch_size, shuffle=True, generator=None, drop_last=False):
    for a, b in _cut(x, y, _order(x, shuffle, generator), batch_size, drop_last):
        yield b, a


@misconception(
    "iterate_batches",
    "generator-seeded-anew",
    "With a generator every epoch comes in the same order, as if the generator were set back to its seed at each call.",
    "A generator goes on from where it is. Draw from it, and leave its seed to the caller.",
    fails="test_batches_are_drawn_from_the_generator",
)
def seeded_anew(x, y, batch_size, shuffle=True, generator=None, drop_last=False):
    if generator is not None:
        generator = torch.Generator().manual_seed(generator.initial_seed())
    yield from _cut(x, y, _order(x, shuffle, generator), batch_size, drop_last)


@misconception(
    "iterate_batches",
    "order-from-another-source",
    "Your order follows neither the generator nor `torch.manual_seed`: it is drawn from some other source of "
    "chance (Python's `random` or NumPy have states of their own).",
    "PyTorch has a function for a random order that takes a generator.",
    fails=["test_batches_are_drawn_from_the_generator", "test_batches_without_a_generator_follow_the_global_one"],
)
def another_source(x, y, batch_size, shuffle=True, generator=None, drop_last=False):
    order = torch.arange(len(x))
    if shuffle:
        order = torch.tensor(random.SystemRandom().sample(range(len(x)), len(x)), dtype=torch.int64)
    yield from _cut(x, y, order, batch_size, drop_last)


@misconception(
    "iterate_batches",
    "an-empty-batch-at-the-end",
    "Where batch_size divides the number of samples, an empty batch follows the last full one: N // batch_size + "
    "1 is one too many there.",
    "`range(0, N, batch_size)` begins each batch that has a sample, and no other.",
    fails=["test_batches_in_order", "test_batches_keep_pairs_and_use_every_sample_once"],
)
def empty_at_the_end(x, y, batch_size, shuffle=True, generator=None, drop_last=False):
    order = _order(x, shuffle, generator)
    for number in range(len(x) // batch_size + 1):
        chosen = order[number * batch_size : (number + 1) * batch_size]
        if not (drop_last and len(chosen) < batch_size):
            yield x[chosen], y[chosen]


@misconception(
    "iterate_batches",
    "batches-overlap",
    "Your batches have one sample too many: the last of each is the first of the next. A slice ends before its "
    "second number.",
    "`order[a:b]` has b − a entries.",
    fails=["test_batches_in_order", "test_batches_keep_pairs_and_use_every_sample_once"],
)
def overlapping(x, y, batch_size, shuffle=True, generator=None, drop_last=False):
    order = _order(x, shuffle, generator)
    for start in range(0, len(x), batch_size):
        chosen = order[start : start + batch_size + 1]
        if not (drop_last and len(order) - start < batch_size):
            yield x[chosen], y[chosen]


@misconception(
    "iterate_batches",
    "last-batch-filled-up",
    "Your last batch is as large as the others: samples that were used already fill it up, so some count twice "
    "in an epoch.",
    "Let the last batch be smaller.",
    fails=["test_batches_come_as_pairs_of_the_right_sizes", "test_batches_keep_pairs_and_use_every_sample_once"],
)
def filled_up(x, y, batch_size, shuffle=True, generator=None, drop_last=False):
    order = _order(x, shuffle, generator)
    for start in range(0, len(x), batch_size):
        chosen = order[start : start + batch_size]
        if len(chosen) < batch_size:
            if drop_last:
                return
            chosen = order[-batch_size:]
        yield x[chosen], y[chosen]


@misconception(
    "iterate_batches",
    "batches-of-equal-sizes",
    "You share the samples out evenly: 60 samples in batches of 25 come as 20, 20, 20. They are to come as 25, "
    "25, and what is left.",
    "`tensor_split` and `chunk` take the number of pieces; `split` takes their size.",
    fails=["test_batches_come_as_pairs_of_the_right_sizes", "test_batches_keep_pairs_and_use_every_sample_once"],
)
def equal_sizes(x, y, batch_size, shuffle=True, generator=None, drop_last=False):
    for chosen in _order(x, shuffle, generator).tensor_split(-(-len(x) // batch_size)):
        if not (drop_last and len(chosen) < batch_size):
            yield x[chosen], y[chosen]


@misconception(
    "iterate_batches",
    "dtypes-changed",
    "Your batches have other dtypes than x and y: inputs come out as float32 and targets as int64, whatever they were.",
    "Pick rows, and leave them as they are: what they are turned into is the caller's business.",
    fails="test_batches_keep_the_dtypes",
)
def dtypes_changed(x, y, batch_size, shuffle=True, generator=None, drop_last=False):
    for a, b in _cut(x, y, _order(x, shuffle, generator), batch_size, drop_last):
        yield a.float(), b.long()


# -- train_step ------------------------------------------------------------------------------------------------------


@misconception(
    "train_step",
    "gradients-never-zeroed",
    "You never clear the gradients. `backward` adds to what is in `.grad`, so every step goes along the sum "
    "of all gradients so far, from batches long gone and parameters that have moved since.",
    "The optimizer has a method for it. It belongs before `backward`.",
    fails=["test_step_by_step", "test_step_is_free_of_old_gradients"],
)
def never_zeroed(model, optimizer, loss_fn, x, y):
    loss = loss_fn(model(x), y)
    loss.backward()
    optimizer.step()
    return loss.item()


@misconception(
    "train_step",
    "zeroed-only-afterwards",
    "You clear the gradients after the step only. Whatever stands in `.grad` when the first step begins "
    "goes into it: after somebody has looked at a gradient, your first update is wrong.",
    "Do not rely on others having tidied up: clear before `backward`, in the same call.",
    fails="test_step_is_free_of_old_gradients",
)
def zeroed_afterwards(model, optimizer, loss_fn, x, y):
    loss = loss_fn(model(x), y)
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    return loss.item()


@misconception(
    "train_step",
    "zeroed-between-backward-and-step",
    "You clear the gradients between `backward` and `step`. The optimizer finds nothing there and moves "
    "nothing; your loss never changes.",
    "`backward` fills `.grad`, `step` reads it. Clear before the first of the two.",
    fails=["test_step_by_step", "test_step_does_things_in_order"],
)
def zeroed_between(model, optimizer, loss_fn, x, y):
    loss = loss_fn(model(x), y)
    loss.backward()
    optimizer.zero_grad()
    optimizer.step()
    return loss.item()


@misconception(
    "train_step",
    "step-before-backward",
    "You make the step before `backward`. It uses the previous batch's gradient, and the first step has none at all.",
    "Order them by what each one needs: the step needs a gradient, and `backward` is what makes it.",
    fails=["test_step_by_step", "test_step_does_things_in_order"],
)
def step_before_backward(model, optimizer, loss_fn, x, y):
    loss = loss_fn(model(x), y)
    optimizer.step()
    optimizer.zero_grad()
    loss.backward()
    return loss.item()


@misconception(
    "train_step",
    "step-between-zeroing-and-backward",
    "You make the step before `backward`, right where the gradients have been zeroed. The optimizer finds nothing and "
    "moves nothing, and what `backward` finds later is zeroed by the next call.",
    "Order them by what each one needs: the step needs a gradient, and `backward` is what makes it.",
    fails=["test_step_by_step", "test_step_does_things_in_order"],
)
def step_between_zeroing_and_backward(model, optimizer, loss_fn, x, y):
    optimizer.zero_grad()
    loss = loss_fn(model(x), y)
    optimizer.step()
    loss.backward()
    return loss.item()


@misconception(
    "train_step",
    "step-before-backward-zeroed-last",
    "You make the step before `backward`, and zero the gradients after it: what `backward` finds is thrown away before "
    "any step has used it, and nothing moves.",
    "Order them by what each one needs: the step needs a gradient, and `backward` is what makes it.",
    fails=["test_step_by_step", "test_step_does_things_in_order"],
)
def step_before_backward_zeroed_last(model, optimizer, loss_fn, x, y):
    loss = loss_fn(model(x), y)
    optimizer.step()
    loss.backward()
    optimizer.zero_grad()
    return loss.item()


@misconception(
    "train_step",
    "step-before-backward-never-zeroed",
    "You make the step before `backward`, and never zero the gradients: the first step has none at all, and each later "
    "one goes along the sum of those of all batches before.",
    "Order them by what each one needs: the step needs a gradient, `backward` makes it by adding to what is there.",
    fails=["test_step_by_step", "test_step_does_things_in_order"],
)
def step_before_backward_never_zeroed(model, optimizer, loss_fn, x, y):
    loss = loss_fn(model(x), y)
    optimizer.step()
    loss.backward()
    return loss.item()


@misconception(
    "train_step",
    "step-forgotten",
    "You compute the gradient, but no step follows: the parameters stay where they are.",
    "`backward` only says where to go. Who goes there?",
    fails=["test_step_by_hand", "test_step_does_things_in_order"],
)
def step_forgotten(model, optimizer, loss_fn, x, y):
    optimizer.zero_grad()
    loss = loss_fn(model(x), y)
    loss.backward()
    return loss.item()


@misconception(
    "train_step",
    "loss-cut-off-from-the-graph",
    "You make a new tensor of the loss's number and call `backward` on that. It knows nothing of the model: "
    "no gradient arrives at any parameter, and setting requires_grad on it only silences the error message.",
    "Call `backward` on the very tensor that `loss_fn` returned.",
    fails=["test_step_by_step", "test_step_does_things_in_order"],
)
def cut_off(model, optimizer, loss_fn, x, y):
    loss = torch.tensor(loss_fn(model(x), y).item(), requires_grad=True)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


@misconception(
    "train_step",
    "loss-measured-after-the-step",
    "You call the model once more after the step and return that loss. It costs a second forward pass, and "
    "it is not the loss that the update was made from.",
    "You have the loss already; its value does not change when the parameters do.",
    fails=["test_step_by_hand", "test_step_by_step"],
)
def measured_afterwards(model, optimizer, loss_fn, x, y):
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    optimizer.step()
    return loss_fn(model(x), y).item()


@misconception(
    "train_step",
    "returns-a-tensor",
    "You return the loss as a tensor. It keeps its graph alive: whoever collects such losses over an epoch "
    "collects all of their graphs.",
    "A 0-d tensor has a method that gives its number.",
    fails=["test_step_by_hand", "test_step_by_step"],
)
def returns_a_tensor(model, optimizer, loss_fn, x, y):
    optimizer.zero_grad()
    loss = loss_fn(model(x), y)
    loss.backward()
    optimizer.step()
    return loss


@misconception(
    "train_step",
    "switches-to-train-mode",
    "You call `model.train()` in each step. A caller who keeps a batch norm in eval mode on purpose, as in "
    "fine-tuning, finds it training again, with its running statistics overwritten.",
    "The mode is set once an epoch, by whoever runs the epoch. A step takes the model as it is.",
    fails="test_step_leaves_the_mode",
)
def switches_to_train(model, optimizer, loss_fn, x, y):
    model.train()
    optimizer.zero_grad()
    loss = loss_fn(model(x), y)
    loss.backward()
    optimizer.step()
    return loss.item()


@misconception(
    "train_step",
    "target-before-output",
    "You call `loss_fn` with the target first and the model's output second. A loss that treats the two alike "
    "hides it; most do not.",
    "`loss_fn(model(x), y)`: output first.",
    fails="test_step_hands_output_and_target_to_the_loss",
)
def target_first(model, optimizer, loss_fn, x, y):
    optimizer.zero_grad()
    loss = loss_fn(y, model(x))
    loss.backward()
    optimizer.step()
    return loss.item()


@misconception(
    "train_step",
    "loss-times-the-batch",
    "What you return is the batch's loss times its number of samples, the sum where the mean is asked for.",
    "Return the number as `loss_fn` gave it; weighting belongs to whoever adds batches up.",
    fails=["test_step_by_hand", "test_step_by_step"],
)
def times_the_batch(model, optimizer, loss_fn, x, y):
    return _step(model, optimizer, loss_fn, x, y) * len(x)


@misconception(
    "train_step",
    "told-loss-divided-again",
    "What you return is the batch's loss divided by its number of samples. `loss_fn` gives a mean already; the "
    "update itself is right.",
    "Return the number as `loss_fn` gave it.",
    fails=["test_step_by_hand", "test_step_by_step"],
)
def divided_when_told(model, optimizer, loss_fn, x, y):
    return _step(model, optimizer, loss_fn, x, y) / len(x)


@misconception(
    "train_step",
    "mean-divided-again",
    "You divide the loss by the number of samples before `backward`. It is a mean already: both the number that "
    "you return and the step become smaller by that factor.",
    "What `loss_fn` returns is what `backward` is called on.",
    fails=["test_step_by_hand", "test_step_by_step"],
)
def mean_divided_again(model, optimizer, loss_fn, x, y):
    optimizer.zero_grad()
    loss = loss_fn(model(x), y) / len(x)
    loss.backward()
    optimizer.step()
    return loss.item()


@misconception(
    "train_step",
    "two-steps-at-once",
    "The optimizer makes two steps for one batch, the second along a gradient of weights that are not there any more.",
    "One batch, one gradient, one step.",
    fails=["test_step_by_hand", "test_step_by_step", "test_step_does_things_in_order"],
)
def two_steps(model, optimizer, loss_fn, x, y):
    loss = _step(model, optimizer, loss_fn, x, y)
    optimizer.step()
    return loss


@misconception(
    "train_step",
    "gradients-clipped",
    "Your update is what comes out if the gradients are clipped to a norm of 1 before the step. Nobody asked for "
    "that: where the gradient is larger, the step is too small.",
    "Leave the gradients as `backward` gives them.",
    fails=["test_step_by_hand", "test_step_by_step"],
)
def clipped(model, optimizer, loss_fn, x, y):
    optimizer.zero_grad()
    loss = loss_fn(model(x), y)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return loss.item()


@misconception(
    "train_step",
    "softmax-before-the-loss",
    "Your loss is what comes out if the model's output goes through a softmax first. A loss that takes logits "
    "then takes it a second time, and can never come near 0.",
    "`loss_fn` is handed the model's output as it is.",
    fails=["test_step_by_step", "test_step_hands_output_and_target_to_the_loss"],
)
def softmax_before(model, optimizer, loss_fn, x, y):
    optimizer.zero_grad()
    loss = loss_fn(model(x).softmax(dim=1), y)
    loss.backward()
    optimizer.step()
    return loss.item()


# -- train_epoch -----------------------------------------------------------------------------------------------------


def _step(model, optimizer, loss_fn, x, y):
    optimizer.zero_grad()
    loss = loss_fn(model(x), y)
    loss.backward()
    optimizer.step()
    return loss.item()


def _losses(model, optimizer, loss_fn, batches):
    return [(_step(model, optimizer, loss_fn, x, y), len(x)) for x, y in batches]


@misconception(
    "train_epoch",
    "mean-of-batch-means",
    "You average the batches' losses, so every batch counts the same. With batches of 4 and 1 samples, the "
    "lone sample counts four times as much as each of the others.",
    "A batch's loss is a mean over its samples. Let it count as often as it has samples.",
    fails=["test_epoch_counts_every_sample_alike", "test_epoch_matches"],
)
def mean_of_batch_means(model, optimizer, loss_fn, batches):
    model.train()
    losses = _losses(model, optimizer, loss_fn, batches)
    return sum(loss for loss, _ in losses) / len(losses)


@misconception(
    "train_epoch",
    "sum-over-batches",
    "You return the sum of the batches' losses. It grows with their number: half the batch size, twice the loss.",
    "What is asked for is a mean over samples: a sum over samples, divided by how many there were.",
    fails=["test_epoch_counts_every_sample_alike", "test_epoch_matches"],
)
def sum_over_batches(model, optimizer, loss_fn, batches):
    model.train()
    return sum(loss for loss, _ in _losses(model, optimizer, loss_fn, batches))


@misconception(
    "train_epoch",
    "sum-over-samples-by-number-of-batches",
    "You add up loss times batch size, which is right, but then divide by the number of batches. The result "
    "is too large by about a factor of the batch size.",
    "You have a sum over samples: count samples, too.",
    fails=["test_epoch_counts_every_sample_alike", "test_epoch_matches"],
)
def by_number_of_batches(model, optimizer, loss_fn, batches):
    model.train()
    losses = _losses(model, optimizer, loss_fn, batches)
    return sum(loss * count for loss, count in losses) / len(losses)


@misconception(
    "train_epoch",
    "last-loss-only",
    "You return the loss of the last batch. It jumps about with whatever happens to be in that batch, "
    "perhaps a single sample.",
    "Keep the books over the whole epoch: how much loss in all, over how many samples?",
    fails=["test_epoch_counts_every_sample_alike", "test_epoch_matches"],
)
def last_loss_only(model, optimizer, loss_fn, batches):
    model.train()
    return _losses(model, optimizer, loss_fn, batches)[-1][0]


@misconception(
    "train_epoch",
    "train-mode-forgotten",
    "You never switch to train mode. After the first evaluation the model is in eval mode, and stays there: "
    "dropout drops nothing, and batch norm stops collecting its statistics.",
    "One call at the beginning of the epoch is enough.",
    fails="test_epoch_is_in_train_mode",
)
def train_mode_forgotten(model, optimizer, loss_fn, batches):
    losses = _losses(model, optimizer, loss_fn, batches)
    return sum(loss * count for loss, count in losses) / sum(count for _, count in losses)


@misconception(
    "train_epoch",
    "one-step-an-epoch",
    "You add up the gradients of all batches and make one step at the end. That is a single large batch; an "
    "epoch of 900 batches is to make 900 steps.",
    "Clear, backward and step all belong inside the loop over the batches.",
    fails=["test_epoch_makes_one_step_for_each_batch", "test_epoch_matches"],
)
def one_step(model, optimizer, loss_fn, batches):
    model.train()
    optimizer.zero_grad()
    total, count = 0.0, 0
    for x, y in batches:
        loss = loss_fn(model(x), y)
        loss.backward()
        total, count = total + loss.item() * len(x), count + len(x)
    optimizer.step()
    return total / count


@misconception(
    "train_epoch",
    "zeroed-once-an-epoch",
    "You clear the gradients once, before the loop. From the second batch on each step goes along the sum "
    "of all gradients since.",
    "`backward` adds. Clear for every batch, not for every epoch.",
    fails="test_epoch_matches",
)
def zeroed_once(model, optimizer, loss_fn, batches):
    model.train()
    optimizer.zero_grad()
    total, count = 0.0, 0
    for x, y in batches:
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
        total, count = total + loss.item() * len(x), count + len(x)
    return total / count


@misconception(
    "train_epoch",
    "one-added-after-the-division",
    "Your result is what comes out of `total / i + 1`, where i is the last batch's place, counted from 0: "
    "division goes before addition, so 1 is added to the quotient and not to i. And batches are no samples.",
    "Count samples as they come, and divide by that count.",
    fails=["test_epoch_counts_every_sample_alike", "test_epoch_matches"],
)
def one_added(model, optimizer, loss_fn, batches):
    model.train()
    losses = _losses(model, optimizer, loss_fn, batches)
    return sum(loss * count for loss, count in losses) / max(len(losses) - 1, 1) + 1


@misconception(
    "train_epoch",
    "means-over-one-added",
    "Your result is what comes out of `total / i + 1`, where total adds up the batches' means and i is the last "
    "batch's place, counted from 0: division goes before addition.",
    "Let each mean count as often as its batch has samples, count samples, and divide by that count.",
    fails=["test_epoch_counts_every_sample_alike", "test_epoch_matches"],
)
def means_one_added(model, optimizer, loss_fn, batches):
    model.train()
    losses = _losses(model, optimizer, loss_fn, batches)
    return sum(loss for loss, _ in losses) / max(len(losses) - 1, 1) + 1


@misconception(
    "train_epoch",
    "batch-means-over-samples",
    "You add up the batches' means, one to a batch, and divide by the number of samples: the result is too small "
    "by about a factor of the batch size.",
    "A batch's loss is a mean over its samples. To be divided by samples, it must count as often as it has samples.",
    fails=["test_epoch_counts_every_sample_alike", "test_epoch_matches"],
)
def batch_means_over_samples(model, optimizer, loss_fn, batches):
    model.train()
    losses = _losses(model, optimizer, loss_fn, batches)
    return sum(loss for loss, _ in losses) / sum(count for _, count in losses)


@misconception(
    "train_epoch",
    "samples-counted-by-the-last-batch",
    "You divide by the number of batches times the size of the last one, which may be smaller than the others: "
    "then the result is too large.",
    "Count the samples as they come.",
    fails=["test_epoch_counts_every_sample_alike", "test_epoch_matches"],
)
def by_the_last(model, optimizer, loss_fn, batches):
    model.train()
    losses = _losses(model, optimizer, loss_fn, batches)
    return sum(loss * count for loss, count in losses) / (len(losses) * losses[-1][1])


@misconception(
    "train_epoch",
    "samples-counted-by-the-first-batch",
    "You divide by the number of batches times the size of the first one, as if all were as large.",
    "Count the samples as they come.",
    fails=["test_epoch_counts_every_sample_alike", "test_epoch_matches"],
)
def by_the_first(model, optimizer, loss_fn, batches):
    model.train()
    losses = _losses(model, optimizer, loss_fn, batches)
    return sum(loss * count for loss, count in losses) / (len(losses) * losses[0][1])


@misconception(
    "train_epoch",
    "sum-over-samples",
    "You return the sum over all samples: with twice the data it is twice as large.",
    "You have the sum. Divide it by the number of samples.",
    fails=["test_epoch_counts_every_sample_alike", "test_epoch_matches"],
)
def sum_over_samples(model, optimizer, loss_fn, batches):
    model.train()
    return sum(loss * count for loss, count in _losses(model, optimizer, loss_fn, batches))


@misconception(
    "train_epoch",
    "mean-as-a-tensor",
    "You return a tensor where a float is asked for: a total that begins as a tensor stays one.",
    "Begin with 0.0, or turn the tensor into its number at the end.",
    fails=["test_epoch_counts_every_sample_alike", "test_epoch_matches"],
)
def mean_as_a_tensor(model, optimizer, loss_fn, batches):
    return torch.tensor(_train(model, optimizer, loss_fn, batches))


@misconception(
    "train_epoch",
    "ends-after-the-first-batch",
    "Your epoch ends after its first batch: neither a step nor a loss comes of any other. A `return` inside of "
    "the loop does that.",
    "Which lines are repeated for every batch, and which come once, after all of them?",
    fails=["test_epoch_counts_every_sample_alike", "test_epoch_matches"],
)
def ends_after_the_first_batch(model, optimizer, loss_fn, batches):
    model.train()
    x, y = next(iter(batches))
    return _step(model, optimizer, loss_fn, x, y)


@misconception(
    "train_epoch",
    "loss-measured-after-the-epoch",
    "Your mean loss is measured after the epoch, with the weights as they are at its end. What is asked for is "
    "each batch's loss as it was when its turn came.",
    "`train_step` returns that very number; a second pass is not needed.",
    fails="test_epoch_matches",
)
def measured_after_the_epoch(model, optimizer, loss_fn, batches):
    model.train()
    batches = list(batches)
    _losses(model, optimizer, loss_fn, batches)
    with torch.no_grad():
        total = sum(loss_fn(model(x), y).item() * len(x) for x, y in batches)
    return total / sum(len(x) for x, _ in batches)


@misconception(
    "train_epoch",
    "goes-through-the-batches-twice",
    "You go through `batches` twice, to count and to train. A generator is empty after the first time.",
    "Count while you train.",
    fails="test_epoch_over_a_generator",
)
def goes_through_twice(model, optimizer, loss_fn, batches):
    model.train()
    count = sum(len(x) for x, _ in batches)
    return sum(_step(model, optimizer, loss_fn, x, y) * len(x) for x, y in batches) / count


# -- evaluate --------------------------------------------------------------------------------------------------------


def _measured(model, loss_fn, batches):
    """Per batch: loss, number of right answers, number of samples."""
    measured = []
    for x, y in batches:
        logits = model(x)
        measured.append((loss_fn(logits, y).item(), int((logits.argmax(dim=1) == y).sum()), len(x)))
    return measured


def _means(measured):
    count = sum(n for *_, n in measured)
    return sum(loss * n for loss, _, n in measured) / count, sum(right for _, right, _ in measured) / count


def _put_back(model, modes):
    for module, training in zip(model.modules(), modes, strict=True):
        module.training = training


@misconception(
    "evaluate",
    "eval-mode-forgotten",
    "You measure in the mode that the model came in. In train mode dropout is still dropping, and batch "
    "norm uses, and learns from, the validation batch itself: the numbers depend on chance and on which "
    "samples share a batch.",
    "There is a method that puts the model and everything inside of it into eval mode.",
    fails=["test_evaluation_is_in_eval_mode", "test_evaluation_changes_no_parameter_and_no_buffer"],
)
@torch.no_grad()
def eval_mode_forgotten(model, loss_fn, batches):
    return _means(_measured(model, loss_fn, batches))


@misconception(
    "evaluate",
    "left-in-eval-mode",
    "You switch to eval mode and leave the model there. Whoever goes on training afterwards does so without "
    "dropout and with a batch norm that no longer learns, and no error says so.",
    "Note the mode before you change it, and put it back.",
    fails=["test_evaluation_leaves_the_mode", "test_evaluation_leaves_mixed_modes"],
)
@torch.no_grad()
def left_in_eval_mode(model, loss_fn, batches):
    model.eval()
    return _means(_measured(model, loss_fn, batches))


@misconception(
    "evaluate",
    "train-mode-afterwards-whatever-it-was",
    "You call `model.train()` at the end. A model that came in eval mode, to be used rather than trained, "
    "leaves in train mode.",
    "Put back what was there, not what you expect to have been there.",
    fails=["test_evaluation_leaves_the_mode", "test_evaluation_leaves_mixed_modes"],
)
@torch.no_grad()
def train_mode_afterwards(model, loss_fn, batches):
    model.eval()
    result = _means(_measured(model, loss_fn, batches))
    model.train()
    return result


@misconception(
    "evaluate",
    "one-mode-for-all-submodules",
    "You remember the mode of the model alone and give it to all of its submodules. A batch norm that was "
    "frozen in eval mode inside of a training model is training afterwards.",
    "Each submodule has a `training` of its own; `model.modules()` goes through all of them.",
    fails="test_evaluation_leaves_mixed_modes",
)
@torch.no_grad()
def one_mode_for_all(model, loss_fn, batches):
    training = model.training
    model.eval()
    result = _means(_measured(model, loss_fn, batches))
    model.train(training)
    return result


@misconception(
    "evaluate",
    "only-the-outermost-module-in-eval-mode",
    "You set `model.training` by hand. That changes the outermost module only: dropout and batch norm "
    "inside of it stay in their mode.",
    "`model.eval()` goes down to every submodule; an assignment does not.",
    fails="test_evaluation_is_in_eval_mode",
)
@torch.no_grad()
def only_the_outermost(model, loss_fn, batches):
    training, model.training = model.training, False
    result = _means(_measured(model, loss_fn, batches))
    model.training = training
    return result


@misconception(
    "evaluate",
    "loss-averaged-over-batches",
    "Your accuracy is a mean over samples, your loss one over batches: in a last batch of 1, the single "
    "sample counts as much as all those of a full batch together.",
    "Do with the loss what you do with the right answers: a sum over samples, divided once by their number.",
    fails="test_evaluation_counts_every_sample_alike",
)
@torch.no_grad()
def loss_over_batches(model, loss_fn, batches):
    modes = [module.training for module in model.modules()]
    measured = _measured(model.eval(), loss_fn, batches)
    _put_back(model, modes)
    return sum(loss for loss, *_ in measured) / len(measured), _means(measured)[1]


@misconception(
    "evaluate",
    "everything-averaged-over-batches",
    "You average loss and accuracy over batches. With batches of 4 and 1 samples, the last sample alone "
    "decides half of both numbers.",
    "Add up over samples, count samples, divide once at the end.",
    fails="test_evaluation_counts_every_sample_alike",
)
@torch.no_grad()
def everything_over_batches(model, loss_fn, batches):
    modes = [module.training for module in model.modules()]
    measured = _measured(model.eval(), loss_fn, batches)
    _put_back(model, modes)
    count = len(measured)
    return sum(loss for loss, *_ in measured) / count, sum(right / n for _, right, n in measured) / count


@misconception(
    "evaluate",
    "accuracy-in-percent",
    "Your accuracy runs from 0 to 100; it is to be a share, from 0 to 1.",
    "Leave percent to whoever prints the number.",
    fails=["test_evaluation_by_hand", "test_evaluation_matches"],
)
@torch.no_grad()
def in_percent(model, loss_fn, batches):
    modes = [module.training for module in model.modules()]
    loss, accuracy = _means(_measured(model.eval(), loss_fn, batches))
    _put_back(model, modes)
    return loss, 100 * accuracy


@misconception(
    "evaluate",
    "accuracy-as-a-count",
    "Your accuracy is the number of right answers. Without the number of samples it says nothing: 90 of 100 "
    "or 90 of 10,000?",
    "Divide by what you have counted.",
    fails=["test_evaluation_by_hand", "test_evaluation_matches"],
)
@torch.no_grad()
def as_a_count(model, loss_fn, batches):
    modes = [module.training for module in model.modules()]
    measured = _measured(model.eval(), loss_fn, batches)
    _put_back(model, modes)
    return _means(measured)[0], float(sum(right for _, right, _ in measured))


@misconception(
    "evaluate",
    "numbers-as-tensors",
    "You return tensors where floats are asked for: counting with tensors gives tensors, and dividing them "
    "does not change that.",
    "A 0-d tensor has a method that gives its number.",
    fails=["test_evaluation_by_hand", "test_evaluation_matches"],
)
@torch.no_grad()
def as_tensors(model, loss_fn, batches):
    modes = [module.training for module in model.modules()]
    loss, accuracy = _means(_measured(model.eval(), loss_fn, batches))
    _put_back(model, modes)
    return loss, torch.tensor(accuracy)


@misconception(
    "evaluate",
    "graph-recorded",
    "You measure with autograd switched on. It keeps every intermediate result for a `backward` that never "
    "comes: more memory and more time, for nothing. `model.eval()` does not switch it off; the two have "
    "nothing to do with each other.",
    "There is a `with` block for code that needs no gradients.",
    fails="test_evaluation_records_no_graph",
)
def graph_recorded(model, loss_fn, batches):
    modes = [module.training for module in model.modules()]
    result = _means(_measured(model.eval(), loss_fn, batches))
    _put_back(model, modes)
    return result


@misconception(
    "evaluate",
    "autograd-left-off",
    "You switch autograd off and do not switch it on again. The next training step ends with “element 0 of "
    "tensors does not require grad”.",
    "Use a form that ends by itself, even when an error interrupts it: a `with` block or a decorator.",
    fails="test_evaluation_records_no_graph",
)
def autograd_left_off(model, loss_fn, batches):
    modes = [module.training for module in model.modules()]
    torch.set_grad_enabled(False)
    result = _means(_measured(model.eval(), loss_fn, batches))
    _put_back(model, modes)
    return result


@misconception(
    "evaluate",
    "argmax-of-the-whole-batch",
    "Your accuracy is what comes out of `argmax()` without a dimension: a single number, the place of the "
    "largest logit in the whole batch, with which every label is compared.",
    "Each sample has its own largest logit. Along which dimension do the classes lie?",
    fails=["test_evaluation_by_hand", "test_evaluation_matches"],
)
@torch.no_grad()
def argmax_of_all(model, loss_fn, batches):
    modes = [module.training for module in model.modules()]
    model.eval()
    total, right, count = 0.0, 0, 0
    for x, y in batches:
        logits = model(x)
        total, count = total + loss_fn(logits, y).item() * len(x), count + len(x)
        right += int((logits.argmax() == y).sum())
    _put_back(model, modes)
    return total / count, right / count


@misconception(
    "evaluate",
    "argmax-down-the-batch",
    "Your accuracy is what comes out if the largest logit is looked for down the batch: for each class the "
    "sample that has most of it, instead of the class for each sample.",
    "Dimension 0 counts the samples. Which one counts the classes?",
    fails=["test_evaluation_by_hand", "test_evaluation_matches"],
)
@torch.no_grad()
def argmax_down(model, loss_fn, batches):
    modes = [module.training for module in model.modules()]
    model.eval()
    total, right, count = 0.0, 0, 0
    for x, y in batches:
        logits = model(x)
        total, count = total + loss_fn(logits, y).item() * len(x), count + len(x)
        right += int((logits.argmax(dim=0) == y).sum())
    _put_back(model, modes)
    return total / count, right / count


@misconception(
    "evaluate",
    "largest-logits-compared",
    "Your accuracy is what comes out if the largest logits themselves are compared with the labels. `max(dim=1)` "
    "gives two things: the values, and where they are.",
    "The class is the place of the largest logit, not its value.",
    fails=["test_evaluation_by_hand", "test_evaluation_matches"],
)
@torch.no_grad()
def largest_compared(model, loss_fn, batches):
    modes = [module.training for module in model.modules()]
    model.eval()
    total, right, count = 0.0, 0, 0
    for x, y in batches:
        logits = model(x)
        total, count = total + loss_fn(logits, y).item() * len(x), count + len(x)
        right += int((logits.amax(dim=1) == y).sum())
    _put_back(model, modes)
    return total / count, right / count


@misconception(
    "evaluate",
    "wrong-answers-counted",
    "Your second number is the share of wrong answers. That is the error rate, 1 minus the accuracy.",
    "Count where prediction and label are the same.",
    fails=["test_evaluation_by_hand", "test_evaluation_matches"],
)
@torch.no_grad()
def wrong_counted(model, loss_fn, batches):
    modes = [module.training for module in model.modules()]
    model.eval()
    total, right, count = 0.0, 0, 0
    for x, y in batches:
        logits = model(x)
        total, count = total + loss_fn(logits, y).item() * len(x), count + len(x)
        right += int((logits.argmax(dim=1) != y).sum())
    _put_back(model, modes)
    return total / count, right / count


@misconception(
    "evaluate",
    "accuracy-before-loss",
    "You return the accuracy first and the loss second.",
    "Look at the order in “Returns”.",
    fails=["test_evaluation_by_hand", "test_evaluation_matches"],
)
@torch.no_grad()
def accuracy_first(model, loss_fn, batches):
    modes = [module.training for module in model.modules()]
    model.eval()
    measured = _measured(model, loss_fn, batches)
    _put_back(model, modes)
    return _means(measured)[::-1]


@misconception(
    "evaluate",
    "only-the-last-batch-measured",
    "Your numbers are those of the last batch alone: each batch overwrites what the one before gave.",
    "Add up over all batches, and divide once at the end.",
    fails=["test_evaluation_counts_every_sample_alike", "test_evaluation_matches"],
)
@torch.no_grad()
def last_measured(model, loss_fn, batches):
    modes = [module.training for module in model.modules()]
    model.eval()
    measured = _measured(model, loss_fn, batches)
    _put_back(model, modes)
    return _means(measured[-1:])


@misconception(
    "evaluate",
    "losses-of-batches-summed",
    "Your loss is the sum of the batches' losses: with smaller batches it gets larger. The accuracy is right.",
    "A mean over samples is asked for: weight each batch, and divide by the samples.",
    fails=["test_evaluation_counts_every_sample_alike", "test_evaluation_matches"],
)
@torch.no_grad()
def losses_summed(model, loss_fn, batches):
    modes = [module.training for module in model.modules()]
    model.eval()
    measured = _measured(model, loss_fn, batches)
    _put_back(model, modes)
    return sum(loss for loss, *_ in measured), _means(measured)[1]


@misconception(
    "evaluate",
    "batch-losses-over-samples",
    "Your loss adds up the batches' means, one to a batch, and divides by the number of samples: it is too small "
    "by about a factor of the batch size. The accuracy is right.",
    "A batch's loss is a mean over its samples. To be divided by samples, it must count as often as it has samples.",
    fails=["test_evaluation_by_hand", "test_evaluation_matches"],
)
@torch.no_grad()
def losses_over_samples(model, loss_fn, batches):
    modes = [module.training for module in model.modules()]
    model.eval()
    measured = _measured(model, loss_fn, batches)
    _put_back(model, modes)
    return sum(loss for loss, *_ in measured) / sum(n for *_, n in measured), _means(measured)[1]


@misconception(
    "evaluate",
    "right-answers-by-number-of-batches",
    "Your accuracy is the number of right answers divided by the number of batches, so it can be far above 1.",
    "Right answers are counted in samples: divide by samples.",
    fails=["test_evaluation_by_hand", "test_evaluation_matches"],
)
@torch.no_grad()
def right_by_batches(model, loss_fn, batches):
    modes = [module.training for module in model.modules()]
    model.eval()
    measured = _measured(model, loss_fn, batches)
    _put_back(model, modes)
    return _means(measured)[0], sum(right for _, right, _ in measured) / len(measured)


@misconception(
    "evaluate",
    "accuracy-averaged-over-batches",
    "Your loss is a mean over samples, your accuracy one over batches: in a last batch of 1, the single sample "
    "counts as much as all those of a full batch together.",
    "Count right answers over all batches, and divide once by the number of samples.",
    fails="test_evaluation_counts_every_sample_alike",
)
@torch.no_grad()
def accuracy_over_batches(model, loss_fn, batches):
    modes = [module.training for module in model.modules()]
    model.eval()
    measured = _measured(model, loss_fn, batches)
    _put_back(model, modes)
    return _means(measured)[0], sum(right / n for _, right, n in measured) / len(measured)


@misconception(
    "evaluate",
    "loss-of-probabilities",
    "Your loss is what comes out if `loss_fn` is handed the softmax of the logits: it then takes the softmax of "
    "a softmax. The accuracy does not show it.",
    "`loss_fn` takes the model's output as it is.",
    fails=["test_evaluation_by_hand", "test_evaluation_matches"],
)
@torch.no_grad()
def loss_of_probabilities(model, loss_fn, batches):
    modes = [module.training for module in model.modules()]
    model.eval()
    total, right, count = 0.0, 0, 0
    for x, y in batches:
        chances = model(x).softmax(dim=1)
        total, count = total + loss_fn(chances, y).item() * len(x), count + len(x)
        right += int((chances.argmax(dim=1) == y).sum())
    _put_back(model, modes)
    return total / count, right / count


# -- fit -------------------------------------------------------------------------------------------------------------


def _batches(x, y, batch_size, shuffle=True, generator=None):
    return _cut(x, y, _order(x, shuffle, generator), batch_size)


def _train(model, optimizer, loss_fn, batches):
    model.train()
    losses = _losses(model, optimizer, loss_fn, batches)
    return sum(loss * count for loss, count in losses) / sum(count for _, count in losses)


@torch.no_grad()
def _validate(model, loss_fn, data, batch_size):
    return _means(_measured(model.eval(), loss_fn, _batches(*data, batch_size, shuffle=False)))


def _record(history, values):
    metrics = dict(zip(NAMES, values, strict=True))
    for name, value in metrics.items():
        history[name].append(value)
    return metrics


def _full(x, y, batch_size, generator):
    return _cut(x, y, _order(x, True, generator), batch_size, drop_last=len(x) > batch_size)


def _trained_and_validated(model, optimizer, loss_fn, val, batch_size):
    _train(model, optimizer, loss_fn, _batches(*val, batch_size, shuffle=False))
    return _validate(model, loss_fn, val, batch_size)


def _numbered(epoch):
    return torch.Generator().manual_seed(epoch)


@misconception(
    "fit",
    "training-data-not-shuffled",
    "You go through the training data in its original order in every epoch. The same samples share a batch "
    "every time; and if the data is sorted by class, each step undoes the one before.",
    "Shuffling is for training, order for validation: which of the two calls got `shuffle=False`?",
    fails="test_fit_shuffles",
)
def not_shuffled(model, optimizer, loss_fn, train, val, epochs, batch_size=64, generator=None, on_epoch=None):
    history = {name: [] for name in NAMES}
    for epoch in range(1, epochs + 1):
        loss = _train(model, optimizer, loss_fn, _batches(*train, batch_size, shuffle=False))
        metrics = _record(history, (loss, *_validate(model, loss_fn, val, batch_size)))
        if on_epoch:
            on_epoch(epoch, metrics)
    return history


@misconception(
    "fit",
    "batches-made-once",
    "Every epoch has the same batches in the same order. They are made once, before the loop over the "
    "epochs, or the generator is seeded anew in each.",
    "Call `iterate_batches` inside of the loop, with the generator as it is: each call draws a new order.",
    fails="test_fit_draws_from_the_generator",
)
def made_once(model, optimizer, loss_fn, train, val, epochs, batch_size=64, generator=None, on_epoch=None):
    history = {name: [] for name in NAMES}
    batches = list(_batches(*train, batch_size, generator=generator))
    for epoch in range(1, epochs + 1):
        loss = _train(model, optimizer, loss_fn, batches)
        metrics = _record(history, (loss, *_validate(model, loss_fn, val, batch_size)))
        if on_epoch:
            on_epoch(epoch, metrics)
    return history


@misconception(
    "fit",
    "generator-not-handed-on",
    "`fit` takes a generator and does nothing with it, so a run cannot be repeated from its seed.",
    "`iterate_batches` knows what to do with a generator, if it gets one.",
    fails="test_fit_draws_from_the_generator",
)
def not_handed_on(model, optimizer, loss_fn, train, val, epochs, batch_size=64, generator=None, on_epoch=None):
    history = {name: [] for name in NAMES}
    for epoch in range(1, epochs + 1):
        loss = _train(model, optimizer, loss_fn, _batches(*train, batch_size))
        metrics = _record(history, (loss, *_validate(model, loss_fn, val, batch_size)))
        if on_epoch:
            on_epoch(epoch, metrics)
    return history


@misconception(
    "fit",
    "batch-size-ignored",
    "Your batches have 64 samples whatever `batch_size` says.",
    "Look for a place where you rely on a default instead of handing the argument on.",
    fails="test_fit_uses_every_sample_in_batches",
)
def batch_size_ignored(model, optimizer, loss_fn, train, val, epochs, batch_size=64, generator=None, on_epoch=None):
    history = {name: [] for name in NAMES}
    for epoch in range(1, epochs + 1):
        loss = _train(model, optimizer, loss_fn, _batches(*train, 64, generator=generator))
        metrics = _record(history, (loss, *_validate(model, loss_fn, val, 64)))
        if on_epoch:
            on_epoch(epoch, metrics)
    return history


@misconception(
    "fit",
    "validated-on-the-training-data",
    "Your validation numbers come from the training data. They go on getting better while the network "
    "merely learns it by heart, so you never see it overfit.",
    "Two data sets come in; which of them has the model never been trained on?",
    fails="test_fit_matches",
)
def validated_on_train(model, optimizer, loss_fn, train, val, epochs, batch_size=64, generator=None, on_epoch=None):
    history = {name: [] for name in NAMES}
    for epoch in range(1, epochs + 1):
        loss = _train(model, optimizer, loss_fn, _batches(*train, batch_size, generator=generator))
        metrics = _record(history, (loss, *_validate(model, loss_fn, train, batch_size)))
        if on_epoch:
            on_epoch(epoch, metrics)
    return history


@misconception(
    "fit",
    "validated-before-the-epoch",
    "You validate before you train. The first validation numbers are those of the untrained network, and "
    "the last epoch is never measured.",
    "Swap the two: the numbers of an epoch describe the model after it.",
    fails="test_fit_matches",
)
def validated_before(model, optimizer, loss_fn, train, val, epochs, batch_size=64, generator=None, on_epoch=None):
    history = {name: [] for name in NAMES}
    for epoch in range(1, epochs + 1):
        measured = _validate(model, loss_fn, val, batch_size)
        loss = _train(model, optimizer, loss_fn, _batches(*train, batch_size, generator=generator))
        metrics = _record(history, (loss, *measured))
        if on_epoch:
            on_epoch(epoch, metrics)
    return history


@misconception(
    "fit",
    "training-loss-measured-afterwards",
    "Your train_loss is measured on the training data after the epoch. That costs another pass through it; "
    "what is asked for is the mean loss that came up while training.",
    "`train_epoch` returns it already.",
    fails="test_fit_matches",
)
def train_loss_afterwards(model, optimizer, loss_fn, train, val, epochs, batch_size=64, generator=None, on_epoch=None):
    history = {name: [] for name in NAMES}
    for epoch in range(1, epochs + 1):
        _train(model, optimizer, loss_fn, _batches(*train, batch_size, generator=generator))
        loss, _ = _validate(model, loss_fn, train, batch_size)
        metrics = _record(history, (loss, *_validate(model, loss_fn, val, batch_size)))
        if on_epoch:
            on_epoch(epoch, metrics)
    return history


@misconception(
    "fit",
    "epochs-told-from-zero",
    "You call `on_epoch` with 0 after the first epoch. People count epochs from 1.",
    "Where does your `range` begin, and where must it end then?",
    fails="test_fit_reports_each_epoch",
)
def from_zero(model, optimizer, loss_fn, train, val, epochs, batch_size=64, generator=None, on_epoch=None):
    history = {name: [] for name in NAMES}
    for epoch in range(epochs):
        loss = _train(model, optimizer, loss_fn, _batches(*train, batch_size, generator=generator))
        metrics = _record(history, (loss, *_validate(model, loss_fn, val, batch_size)))
        if on_epoch:
            on_epoch(epoch, metrics)
    return history


@misconception(
    "fit",
    "whole-history-told",
    "You hand the whole history to `on_epoch`: lists, where it expects this epoch's three numbers.",
    "Make a small dict with the same three names and one float under each.",
    fails="test_fit_reports_each_epoch",
)
def whole_history(model, optimizer, loss_fn, train, val, epochs, batch_size=64, generator=None, on_epoch=None):
    history = {name: [] for name in NAMES}
    for epoch in range(1, epochs + 1):
        loss = _train(model, optimizer, loss_fn, _batches(*train, batch_size, generator=generator))
        _record(history, (loss, *_validate(model, loss_fn, val, batch_size)))
        if on_epoch:
            on_epoch(epoch, history)
    return history


@misconception(
    "fit",
    "told-at-the-end",
    "You call `on_epoch` for all epochs at the end of the run. Whoever wants to watch the run, or to keep "
    "the best model, comes too late.",
    "The call belongs at the end of the loop's body, not after the loop.",
    fails="test_fit_reports_each_epoch",
)
def told_at_the_end(model, optimizer, loss_fn, train, val, epochs, batch_size=64, generator=None, on_epoch=None):
    history = {name: [] for name in NAMES}
    for _ in range(epochs):
        loss = _train(model, optimizer, loss_fn, _batches(*train, batch_size, generator=generator))
        _record(history, (loss, *_validate(model, loss_fn, val, batch_size)))
    for epoch in range(epochs):
        if on_epoch:
            on_epoch(epoch + 1, {name: history[name][epoch] for name in NAMES})
    return history


@misconception(
    "fit",
    "last-epoch-missing",
    "Your run has one epoch too few: with epochs=3 it goes through the data twice, and the lists have two "
    "values. `range(1, epochs)` ends before its second number.",
    "Write down the numbers that your `range` gives for epochs=3.",
    fails=["test_fit_returns_three_lists", "test_fit_matches"],
)
def last_missing(model, optimizer, loss_fn, train, val, epochs, batch_size=64, generator=None, on_epoch=None):
    history = {name: [] for name in NAMES}
    for epoch in range(1, epochs):
        loss = _train(model, optimizer, loss_fn, _batches(*train, batch_size, generator=generator))
        metrics = _record(history, (loss, *_validate(model, loss_fn, val, batch_size)))
        if on_epoch:
            on_epoch(epoch, metrics)
    return history


@misconception(
    "fit",
    "one-epoch-too-many",
    "Your run has one epoch too many: with epochs=3 it goes through the data four times.",
    "Write down the numbers that your `range` gives for epochs=3.",
    fails=["test_fit_returns_three_lists", "test_fit_matches"],
)
def one_too_many(model, optimizer, loss_fn, train, val, epochs, batch_size=64, generator=None, on_epoch=None):
    history = {name: [] for name in NAMES}
    for epoch in range(epochs + 1):
        loss = _train(model, optimizer, loss_fn, _batches(*train, batch_size, generator=generator))
        metrics = _record(history, (loss, *_validate(model, loss_fn, val, batch_size)))
        if on_epoch:
            on_epoch(epoch, metrics)
    return history


@misconception(
    "fit",
    "ends-after-the-first-epoch",
    "Your run ends after its first epoch, whatever `epochs` says. A `return` inside of the loop does that.",
    "Which lines are repeated in every epoch, and which come once, after all of them?",
    fails=["test_fit_returns_three_lists", "test_fit_matches"],
)
def ends_after_the_first(model, optimizer, loss_fn, train, val, epochs, batch_size=64, generator=None, on_epoch=None):
    history = {name: [] for name in NAMES}
    for epoch in range(1, min(epochs, 1) + 1):
        loss = _train(model, optimizer, loss_fn, _batches(*train, batch_size, generator=generator))
        metrics = _record(history, (loss, *_validate(model, loss_fn, val, batch_size)))
        if on_epoch:
            on_epoch(epoch, metrics)
    return history


@misconception(
    "fit",
    "last-training-batch-dropped",
    "The samples that are left over after the last full batch are never trained on in that epoch.",
    "Each training sample is used once an epoch: the last batch may be smaller.",
    fails="test_fit_uses_every_sample_in_batches",
)
def last_dropped(model, optimizer, loss_fn, train, val, epochs, batch_size=64, generator=None, on_epoch=None):
    history = {name: [] for name in NAMES}
    for epoch in range(1, epochs + 1):
        loss = _train(model, optimizer, loss_fn, _full(*train, batch_size, generator))
        metrics = _record(history, (loss, *_validate(model, loss_fn, val, batch_size)))
        if on_epoch:
            on_epoch(epoch, metrics)
    return history


@misconception(
    "fit",
    "trained-on-the-validation-data-too",
    "You make training steps on the validation samples. What is learned by heart from them cannot be measured on "
    "them any more.",
    "Validation data goes to `evaluate` and nowhere else.",
    fails=["test_fit_matches", "test_fit_uses_every_sample_in_batches"],
)
def trained_on_both(model, optimizer, loss_fn, train, val, epochs, batch_size=64, generator=None, on_epoch=None):
    history = {name: [] for name in NAMES}
    for epoch in range(1, epochs + 1):
        loss = _train(model, optimizer, loss_fn, _batches(*train, batch_size, generator=generator))
        metrics = _record(history, (loss, *_trained_and_validated(model, optimizer, loss_fn, val, batch_size)))
        if on_epoch:
            on_epoch(epoch, metrics)
    return history


@misconception(
    "fit",
    "validation-numbers-swapped",
    "Under val_loss stands the accuracy, and under val_accuracy the loss.",
    "In which order does `evaluate` return its two numbers?",
    fails="test_fit_matches",
)
def validation_swapped(model, optimizer, loss_fn, train, val, epochs, batch_size=64, generator=None, on_epoch=None):
    history = {name: [] for name in NAMES}
    for epoch in range(1, epochs + 1):
        loss = _train(model, optimizer, loss_fn, _batches(*train, batch_size, generator=generator))
        metrics = _record(history, (loss, *_validate(model, loss_fn, val, batch_size)[::-1]))
        if on_epoch:
            on_epoch(epoch, metrics)
    return history


@misconception(
    "fit",
    "only-the-last-epoch-returned",
    "You return the three numbers of the last epoch. Lists are asked for, with one number for each epoch.",
    "Begin with three empty lists, and append to them in every epoch.",
    fails=["test_fit_returns_three_lists", "test_fit_matches"],
)
def only_the_last(model, optimizer, loss_fn, train, val, epochs, batch_size=64, generator=None, on_epoch=None):
    history = {name: [] for name in NAMES}
    for epoch in range(1, epochs + 1):
        loss = _train(model, optimizer, loss_fn, _batches(*train, batch_size, generator=generator))
        metrics = _record(history, (loss, *_validate(model, loss_fn, val, batch_size)))
        if on_epoch:
            on_epoch(epoch, metrics)
    return {name: values[-1] if values else [] for name, values in history.items()}


@misconception(
    "fit",
    "on-epoch-always-called",
    "You call `on_epoch` without asking whether there is one: None cannot be called.",
    "Its default is None. Ask first.",
    fails=["test_fit_returns_three_lists", "test_fit_matches"],
)
def always_called(model, optimizer, loss_fn, train, val, epochs, batch_size=64, generator=None, on_epoch=None):
    history = {name: [] for name in NAMES}
    for epoch in range(1, epochs + 1):
        loss = _train(model, optimizer, loss_fn, _batches(*train, batch_size, generator=generator))
        metrics = _record(history, (loss, *_validate(model, loss_fn, val, batch_size)))
        on_epoch(epoch, metrics)
    return history


@misconception(
    "fit",
    "order-follows-the-epoch-s-number",
    "The order of the samples is another one in each epoch, but the same in every run: it follows neither the "
    "generator nor `torch.manual_seed`.",
    "Hand the generator on as it is, None included.",
    fails=["test_fit_draws_from_the_generator", "test_fit_without_a_generator_follows_the_global_one"],
)
def by_number(model, optimizer, loss_fn, train, val, epochs, batch_size=64, generator=None, on_epoch=None):
    history = {name: [] for name in NAMES}
    for epoch in range(1, epochs + 1):
        loss = _train(model, optimizer, loss_fn, _batches(*train, batch_size, generator=_numbered(epoch)))
        metrics = _record(history, (loss, *_validate(model, loss_fn, val, batch_size)))
        if on_epoch:
            on_epoch(epoch, metrics)
    return history
