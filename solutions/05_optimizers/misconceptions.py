"""Wrong implementations of 05_optimizers, each with what to say to whoever wrote it.

Most replace `update`, one parameter's share of a step; the loop around it is `Loop`'s.
"""

from typing import ClassVar

import torch
from nnkata.grader.authors import misconception
from torch.optim import Optimizer


class Loop(Optimizer):
    """The loop that the wrong optimizers share, itself right; `standard` holds the default options."""

    standard: ClassVar[dict] = {}

    def __init__(self, params, **options):
        super().__init__(params, {**self.standard, **options})

    @torch.no_grad()
    def step(self, closure=None):
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    self.update(p, p.grad, group, self.state[p])
        return loss

    def update(self, p, grad, group, state):
        raise TypeError("replace me")


class SGDLoop(Loop):
    standard: ClassVar[dict] = {
        "lr": 1e-3,
        "momentum": 0.0,
        "dampening": 0.0,
        "weight_decay": 0.0,
        "nesterov": False,
    }

    def update(self, p, grad, group, state):
        p.add_(self.direction(self.decayed(p, grad, group), group, state), alpha=-group["lr"])

    def decayed(self, p, grad, group):
        return grad.add(p, alpha=group["weight_decay"])

    def direction(self, grad, group, state):
        if not group["momentum"]:
            return grad
        if "buffer" not in state:
            state["buffer"] = self.first(grad, group)
        else:
            state["buffer"].mul_(group["momentum"]).add_(grad, alpha=1 - group["dampening"])
        return grad + group["momentum"] * state["buffer"] if group["nesterov"] else state["buffer"]

    def first(self, grad, group):
        return grad.clone()


class RMSpropLoop(Loop):
    standard: ClassVar[dict] = {
        "lr": 1e-2, "alpha": 0.99, "eps": 1e-8, "weight_decay": 0.0, "momentum": 0.0, "centered": False,
    }  # fmt: skip

    def update(self, p, grad, group, state):
        if group["weight_decay"]:
            grad = grad.add(p, alpha=group["weight_decay"])
        if not state:
            state.update({name: torch.zeros_like(p) for name in ("square", "mean", "buffer")})
            self.begin(grad, state)
        state["steps"] = state.get("steps", 0) + 1
        state["square"] = self.mean_square(state["square"], grad, group["alpha"])
        variance = state["square"]
        if group["centered"]:
            state["mean"] = group["alpha"] * state["mean"] + (1 - group["alpha"]) * grad
            variance = self.centre(variance, state["mean"])
        self.move(p, grad, self.root(variance, group, state), group, state)

    def begin(self, grad, state):
        pass

    def mean_square(self, square, grad, alpha):
        return alpha * square + (1 - alpha) * grad**2

    def centre(self, square, mean):
        return square - mean**2

    def root(self, variance, group, state):
        return variance.sqrt() + group["eps"]

    def move(self, p, grad, root, group, state):
        state["buffer"] = group["momentum"] * state["buffer"] + grad / root
        p.sub_(group["lr"] * state["buffer"])


class AdamLoop(Loop):
    standard: ClassVar[dict] = {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.0}
    decoupled = False

    def update(self, p, grad, group, state):
        if self.decoupled:
            p.mul_(1 - group["lr"] * group["weight_decay"])
        else:
            grad = grad.add(p, alpha=group["weight_decay"])
        p.sub_(group["lr"] * self.direction(p, grad, group, state))

    def direction(self, p, grad, group, state):
        beta1, beta2 = group["betas"]
        if not state:
            state.update(m=torch.zeros_like(p), v=torch.zeros_like(p))
        t = self.count(p, state)
        state["m"] = beta1 * state["m"] + (1 - beta1) * grad
        state["v"] = beta2 * state["v"] + (1 - beta2) * grad**2
        return self.ratio(state, 1 - beta1**t, 1 - beta2**t, group["eps"])

    def count(self, p, state):
        state["t"] = state.get("t", 0) + 1
        return state["t"]

    def ratio(self, state, c1, c2, eps):
        return (state["m"] / c1) / ((state["v"] / c2).sqrt() + eps)


class AdamWLoop(AdamLoop):
    standard: ClassVar[dict] = {**AdamLoop.standard, "weight_decay": 1e-2}
    decoupled = True


# -- SGD ---------------------------------------------------------------------------------------------------


@misconception(
    "SGD",
    "rebinds-the-name",
    "Your step computes p − lr·g into a new tensor and gives it the name p. The model's own parameter "
    "never hears of that: after any number of steps it is where it began.",
    "Which operations write into a tensor instead of making a new one? Their names end in an underscore.",
    fails=["test_sgd_plain_by_hand", "test_parameters_change_in_place"],
)
class RebindsTheName(SGDLoop):
    def update(self, p, grad, group, state):
        p = p - group["lr"] * self.direction(self.decayed(p, grad, group), group, state)


@misconception(
    "SGD",
    "averages-the-gradients",
    "Your buffer is a running mean: momentum·b + (1 − momentum)·g. SGD's buffer is a fading sum, "
    "momentum·b + g. With gradients of 1, lr 1 and momentum 0.9 the parameter should go to −1, −2.9, "
    "−5.61.",
    "How much of a new gradient goes into the buffer? Only `dampening` may take something off it.",
    fails="test_sgd_momentum_by_hand",
)
class AveragesTheGradients(SGDLoop):
    def direction(self, grad, group, state):
        if not group["momentum"]:
            return grad
        state.setdefault("buffer", torch.zeros_like(grad)).mul_(group["momentum"]).add_(
            grad, alpha=1 - group["momentum"]
        )
        return grad + group["momentum"] * state["buffer"] if group["nesterov"] else state["buffer"]


@misconception(
    "SGD",
    "dampens-the-first-step",
    "You dampen the first gradient too, because your buffer begins at zero. It begins as the first "
    "gradient itself: with dampening 0.5 the way goes −1, −2.4, −4.16, and yours begins with −0.5.",
    "What should the buffer be at a parameter's first gradient? Treat that case on its own.",
    fails="test_sgd_dampening",
)
class DampensTheFirstStep(SGDLoop):
    def first(self, grad, group):
        return (1 - group["dampening"]) * grad


@misconception(
    "SGD",
    "ignores-nesterov",
    "With `nesterov` your step is the one without it. Looking ahead means g + momentum·b with the buffer "
    "that has already taken in g (with the old buffer it is plain momentum again): −1.9, −4.61, −8.049 "
    "instead of −1, −2.9, −5.61.",
    "Update the buffer first. Which two things make up the step then?",
    fails="test_sgd_nesterov",
)
class IgnoresNesterov(SGDLoop):
    def direction(self, grad, group, state):
        return super().direction(grad, {**group, "nesterov": False}, state)


@misconception(
    "SGD",
    "decays-past-the-momentum",
    "You take the weight decay off the parameter (or add it to the step) after the momentum. In SGD it "
    "belongs to the gradient, so the buffer must collect it as well: with p = 1, lr 1, momentum 0.9, "
    "weight_decay 0.1 and no gradient, 0.9 is followed by 0.72, and not by 0.81.",
    "At which point of the step does weight_decay · p come in, before or after the buffer?",
    fails="test_sgd_weight_decay_goes_through_momentum",
)
class DecaysPastTheMomentum(SGDLoop):
    def update(self, p, grad, group, state):
        p.mul_(1 - group["lr"] * group["weight_decay"])
        p.add_(self.direction(grad, group, state), alpha=-group["lr"])


@misconception(
    "SGD",
    "learning-rate-in-the-buffer",
    "You multiply the gradient by lr before it goes into the buffer. As long as lr stays the same nobody "
    "sees that; when a scheduler divides lr by 10, your buffer goes on with the old, ten times larger "
    "steps.",
    "Keep the buffer free of lr, and apply lr where the parameter is moved.",
    fails=["test_learning_rates_change", "test_a_scheduler_lowers_the_learning_rate"],
)
class LearningRateInTheBuffer(SGDLoop):
    def update(self, p, grad, group, state):
        p.sub_(self.direction(group["lr"] * self.decayed(p, grad, group), group, state))


@misconception(
    "SGD",
    "reads-the-defaults",
    "You read lr and the other options from `self.defaults` (or from attributes set in the constructor). "
    "Those are only what a group gets when nothing else is said: schedulers and groups with options of "
    "their own change `group[...]`.",
    "Read every option from the group that you are looping over, at each step.",
    fails=["test_two_groups_with_options_of_their_own", "test_a_scheduler_lowers_the_learning_rate"],
)
class ReadsTheDefaults(SGDLoop):
    def update(self, p, grad, group, state):
        super().update(p, grad, self.defaults, state)


@misconception(
    "SGD",
    "writes-into-the-gradient",
    "You add the weight decay to `p.grad` in place. The gradient belongs to the caller: who accumulates, "
    "logs or clips it afterwards finds a decayed one.",
    "Use operations that make a new tensor here: those without an underscore.",
    fails="test_gradients_are_left_as_they_are",
)
class WritesIntoTheGradient(SGDLoop):
    def decayed(self, p, grad, group):
        return grad.add_(p, alpha=group["weight_decay"])


@misconception(
    "SGD",
    "looks-ahead-in-the-gradient",
    "For Nesterov's step you add the buffer to `p.grad` in place. Without a weight decay that is the caller's own "
    "tensor: who accumulates, logs or clips it afterwards finds another one.",
    "Use an addition that makes a new tensor: one without an underscore.",
    fails="test_gradients_are_left_as_they_are_without_a_decay",
)
class LooksAheadInTheGradient(SGDLoop):
    def decayed(self, p, grad, group):
        return grad.add(p, alpha=group["weight_decay"]) if group["weight_decay"] else grad

    def direction(self, grad, group, state):
        found = super().direction(grad, {**group, "nesterov": False}, state)
        return grad.add_(found, alpha=group["momentum"]) if group["nesterov"] else found


@misconception(
    "SGD",
    "buffer-is-the-gradient",
    "Your buffer begins as `p.grad` itself, not as a copy of it. When you then multiply and add to the "
    "buffer, you change the gradient, and when the next `backward` refills the gradient, it overwrites "
    "your buffer.",
    "Two names for one tensor are one tensor. What makes a second one with the same values?",
    fails="test_gradient_tensors_that_are_refilled",
)
class BufferIsTheGradient(SGDLoop):
    def decayed(self, p, grad, group):
        return grad.add(p, alpha=group["weight_decay"]) if group["weight_decay"] else grad

    def first(self, grad, group):
        return grad


@misconception(
    "SGD",
    "memory-outside-of-the-state",
    "You keep your buffers in an attribute of your own. `state_dict` knows `self.state` only, so a "
    "training that is saved and loaded begins again without any momentum.",
    "Put what you remember about p into the dict `self.state[p]`.",
    fails="test_goes_on_from_a_state_dict",
)
class MemoryOutsideOfTheState(SGDLoop):
    def update(self, p, grad, group, state):
        own = self.__dict__.setdefault("own", {})
        super().update(p, grad, group, own.setdefault(id(p), {}))


@misconception(
    "SGD",
    "none-is-zero",
    "You treat a missing gradient as one of zeros. Then momentum and weight decay go on moving a "
    "parameter that had no part in this step. A parameter whose `.grad` is None is left alone altogether, "
    "its buffer too.",
    "What should happen first in the loop over a group's parameters?",
    fails="test_parameters_without_a_gradient_stay",
)
class NoneIsZero(SGDLoop):
    @torch.no_grad()
    def step(self, closure=None):
        loss = closure and torch.enable_grad()(closure)()
        for group in self.param_groups:
            for p in group["params"]:
                self.update(p, torch.zeros_like(p) if p.grad is None else p.grad, group, self.state[p])
        return loss


@misconception(
    "SGD",
    "closure-without-gradients",
    "You call the closure while gradients are switched off (the whole of `step` runs under `no_grad`). "
    "Nothing that it computes gets a graph, so its `backward` fails.",
    "Switch gradients on again around the one line that calls the closure.",
    fails="test_closure",
)
class ClosureWithoutGradients(SGDLoop):
    @torch.no_grad()
    def step(self, closure=None):
        loss = None if closure is None else closure()
        super().step()
        return loss


@misconception(
    "SGD",
    "forgets-the-loss",
    "Your step calls the closure but does not return what it gave. Who trains with `loss = "
    "optimizer.step(closure)` gets None.",
    "Keep the closure's result in a variable until the end of the step.",
    fails="test_closure",
)
class ForgetsTheLoss(SGDLoop):
    def step(self, closure=None):
        super().step(closure)


@misconception(
    "SGD",
    "weight-decay-ignored",
    "Your step never uses weight_decay: whatever it is, the parameters do not shrink.",
    "Where does a penalty on large weights show: in the loss's gradient. What does it add there?",
    fails="test_sgd_weight_decay_goes_through_momentum",
)
class WeightDecayIgnored(SGDLoop):
    def decayed(self, p, grad, group):
        return grad


@misconception(
    "SGD",
    "dampening-ignored",
    "Your step never uses dampening: every gradient goes into the buffer in full.",
    "From the second gradient on, only 1 − dampening of it goes into the buffer.",
    fails="test_sgd_dampening",
)
class DampeningIgnored(SGDLoop):
    def direction(self, grad, group, state):
        return super().direction(grad, {**group, "dampening": 0.0}, state)


@misconception(
    "SGD",
    "climbs-instead-of-descending",
    "Your step goes along the gradient, uphill: with a gradient of 1 and lr 1 your parameter goes to +1. The gradient "
    "says which way the loss grows.",
    "Down is the opposite direction: look at the sign of your update.",
    fails=["test_sgd_plain_by_hand", "test_sgd_matches_pytorch"],
)
class Climbs(SGDLoop):
    def update(self, p, grad, group, state):
        p.add_(self.direction(self.decayed(p, grad, group), group, state), alpha=group["lr"])


@misconception(
    "SGD",
    "nesterov-without-the-gradient",
    "Your Nesterov step is momentum · b alone. It looks ahead along the buffer, but starts from the gradient: g + "
    "momentum · b.",
    "Two things make up the step.",
    fails="test_sgd_nesterov",
)
class NesterovWithoutTheGradient(SGDLoop):
    def direction(self, grad, group, state):
        found = super().direction(grad, {**group, "nesterov": False}, state)
        return group["momentum"] * found if group["nesterov"] else found


@misconception(
    "SGD",
    "nesterov-with-the-whole-buffer",
    "Your Nesterov step is g + b. The buffer counts there with the factor momentum, as it will at the next step.",
    "The step is what the buffer would be after one more gradient like this: momentum · b + g.",
    fails="test_sgd_nesterov",
)
class NesterovWithTheWholeBuffer(SGDLoop):
    def direction(self, grad, group, state):
        found = super().direction(grad, {**group, "nesterov": False}, state)
        return grad + found if group["nesterov"] else found


@misconception(
    "SGD",
    "dampens-the-buffer",
    "You take the dampening off the old buffer. It is for the new gradient: b = momentum · b + (1 − dampening) · g.",
    "Dampening means that less of each new gradient goes in.",
    fails="test_sgd_dampening",
)
class DampensTheBuffer(SGDLoop):
    def direction(self, grad, group, state):
        other = {**group, "momentum": group["momentum"] * (1 - group["dampening"]), "dampening": 0.0, "nesterov": False}
        found = super().direction(grad, other, state)
        return grad + group["momentum"] * found if group["nesterov"] else found


@misconception(
    "SGD",
    "dampens-without-momentum",
    "You dampen the gradient even where there is no momentum. Without momentum there is no buffer, and dampening means "
    "nothing.",
    "Leave the gradient as it is if momentum is 0.",
    fails="test_sgd_dampening",
)
class DampensWithoutMomentum(SGDLoop):
    def direction(self, grad, group, state):
        if not group["momentum"]:
            return (1 - group["dampening"]) * grad
        return super().direction(grad, group, state)


@misconception(
    "SGD",
    "sgd-writes-new-data",
    "You write `p.data = p.data − …`: the parameter gets new memory at each step. Whatever shared the old memory (tied "
    "weights, views, a flattened copy) stays behind with the old values.",
    "Change the values in place, with an operation whose name ends in an underscore.",
    fails="test_parameters_change_in_place",
)
class SGDWritesNewData(SGDLoop):
    def update(self, p, grad, group, state):
        p.data = p.data - group["lr"] * self.direction(self.decayed(p, grad, group), group, state)


# -- RMSprop -----------------------------------------------------------------------------------------------


@misconception(
    "RMSprop",
    "eps-inside-the-root",
    "You add eps under the root: √(v + eps). There it counts as its own root, 1e-4 instead of 1e-8, and "
    "it swallows small gradients. It is added to the root: √v + eps.",
    "Take the root first.",
    fails="test_rmsprop_eps_is_added_after_the_root",
)
class RMSpropEpsInsideTheRoot(RMSpropLoop):
    def root(self, variance, group, state):
        return (variance + group["eps"]).sqrt()


@misconception(
    "RMSprop",
    "corrects-the-bias",
    "You correct the running mean for having begun at zero, as Adam does. RMSprop does not: its first "
    "step is 10·lr (with alpha 0.99), and yours is lr.",
    "Leave the division by 1 − alphaᵗ to Adam, and count no steps here.",
    fails="test_rmsprop_by_hand",
)
class CorrectsTheBias(RMSpropLoop):
    def root(self, variance, group, state):
        return (variance / (1 - group["alpha"] ** state["steps"])).sqrt() + group["eps"]


@misconception(
    "RMSprop",
    "begins-at-the-first-square",
    "Your running mean begins as the first squared gradient, so the first step is lr. It begins at zero, "
    "and the first step is 10·lr with alpha 0.99.",
    "Begin with `torch.zeros_like(p)`, then update it at the first step as at every other.",
    fails="test_rmsprop_by_hand",
)
class BeginsAtTheFirstSquare(RMSpropLoop):
    def begin(self, grad, state):
        state["square"] = grad**2


@misconception(
    "RMSprop",
    "divides-the-gradient-itself",
    "You divide `p.grad` by the root in place. The step is right, but without a weight decay that gradient is the "
    "caller's own tensor: who accumulates, logs or clips it afterwards finds another one.",
    "Use a division that makes a new tensor: one without an underscore.",
    fails="test_gradients_are_left_as_they_are_without_a_decay",
)
class DividesTheGradientItself(RMSpropLoop):
    def move(self, p, grad, root, group, state):
        state["buffer"] = group["momentum"] * state["buffer"] + grad.div_(root)
        p.sub_(group["lr"] * state["buffer"])


@misconception(
    "RMSprop",
    "swaps-alpha",
    "You weigh the new square with alpha and the old mean with 1 − alpha. With alpha 0.99 your mean "
    "forgets nearly everything at each step, and what is left is the sign of the gradient.",
    "alpha says how much of the past is kept.",
    fails="test_rmsprop_by_hand",
)
class SwapsAlpha(RMSpropLoop):
    def mean_square(self, square, grad, alpha):
        return (1 - alpha) * square + alpha * grad**2


@misconception(
    "RMSprop",
    "never-forgets",
    "You add up squared gradients for ever, as AdaGrad does, so that your steps get smaller and smaller. "
    "RMSprop takes a running mean: the past fades by alpha at each step.",
    "Both terms of a running mean have a factor; the two sum to 1.",
    fails="test_rmsprop_by_hand",
)
class NeverForgets(RMSpropLoop):
    def mean_square(self, square, grad, alpha):
        return square + grad**2


@misconception(
    "RMSprop",
    "ignores-centered",
    "`centered=True` changes nothing in your optimizer. It asks for the variance of the gradients, v − "
    "m², where m is a running mean of the gradients themselves.",
    "You need one buffer more.",
    fails="test_rmsprop_centered",
)
class IgnoresCentered(RMSpropLoop):
    def centre(self, square, mean):
        return square


@misconception(
    "RMSprop",
    "momentum-before-the-division",
    "You collect raw gradients in the momentum buffer and divide the buffer by the root. RMSprop divides "
    "each gradient first and collects what comes out: b = momentum · b + g / d.",
    "What goes into the buffer: the gradient, or the gradient after scaling?",
    fails="test_rmsprop_momentum",
)
class MomentumBeforeTheDivision(RMSpropLoop):
    def move(self, p, grad, root, group, state):
        state["buffer"] = group["momentum"] * state["buffer"] + grad
        p.sub_(group["lr"] * state["buffer"] / root)


@misconception(
    "RMSprop",
    "a-new-tensor-for-the-data",
    "You write `p.data = p.data − …`: the parameter gets new memory at each step. Whatever shared the old "
    "memory (tied weights, views, a flattened copy) stays behind with the old values.",
    "Change the values in place, with an operation whose name ends in an underscore.",
    fails="test_parameters_change_in_place",
)
class ANewTensorForTheData(RMSpropLoop):
    def move(self, p, grad, root, group, state):
        state["buffer"] = group["momentum"] * state["buffer"] + grad / root
        p.data = p.data - group["lr"] * state["buffer"]


@misconception(
    "RMSprop",
    "rmsprop-without-weight-decay",
    "Your step never uses weight_decay: whatever it is, the parameters do not shrink.",
    "Add weight_decay · p to the gradient, before anything else is done with it.",
    fails="test_rmsprop_weight_decay",
)
class RMSpropWithoutDecay(RMSpropLoop):
    def update(self, p, grad, group, state):
        super().update(p, grad, {**group, "weight_decay": 0.0}, state)


@misconception(
    "RMSprop",
    "momentum-ignored",
    "Your step never uses momentum: whatever it is, each step goes by its own gradient alone.",
    "With momentum the scaled gradients are collected in a buffer, and the buffer is what moves the parameter.",
    fails="test_rmsprop_momentum",
)
class MomentumIgnored(RMSpropLoop):
    def move(self, p, grad, root, group, state):
        super().move(p, grad, root, {**group, "momentum": 0.0}, state)


@misconception(
    "RMSprop",
    "eps-inside-the-root-when-centered",
    "With `centered` you add eps under the root: √(v − m² + eps). It is added to the root, as without `centered`: √(v "
    "− m²) + eps. (The paper has it inside, PyTorch has not.)",
    "Take the root first, in both cases.",
    fails=["test_rmsprop_options_together", "test_two_groups_with_options_of_their_own"],
)
class EpsInsideTheRootWhenCentered(RMSpropLoop):
    def root(self, variance, group, state):
        if group["centered"]:
            return (variance + group["eps"]).sqrt()
        return super().root(variance, group, state)


@misconception(
    "RMSprop",
    "learning-rate-added",
    "Your learning rate does not multiply the step but is subtracted beside it: p − g/d − lr. Every parameter then "
    "drifts downwards by lr, and the step itself is not scaled at all.",
    "lr says how far to go along g/d: a factor.",
    fails=["test_rmsprop_by_hand", "test_rmsprop_matches_pytorch"],
)
class LearningRateAdded(RMSpropLoop):
    def move(self, p, grad, root, group, state):
        if group["momentum"]:
            super().move(p, grad, root, group, state)
        else:
            p.sub_(grad / root).sub_(group["lr"])


@misconception(
    "RMSprop",
    "root-forgotten",
    "You divide by the mean of the squares, not by its root: large gradients then make small steps and small ones huge "
    "steps.",
    "The R of RMS stands for root.",
    fails=["test_rmsprop_by_hand", "test_rmsprop_matches_pytorch"],
)
class RMSpropRootForgotten(RMSpropLoop):
    def root(self, variance, group, state):
        return variance + group["eps"]


@misconception(
    "RMSprop",
    "new-square-in-full",
    "Your running mean takes in each new square in full: alpha · v + g². It then grows towards g² / (1 − alpha), a "
    "hundred times too large with alpha 0.99.",
    "Both terms of a running mean have a factor; the two sum to 1.",
    fails=["test_rmsprop_by_hand", "test_rmsprop_matches_pytorch"],
)
class NewSquareInFull(RMSpropLoop):
    def mean_square(self, square, grad, alpha):
        return alpha * square + grad**2


@misconception(
    "RMSprop",
    "mean-not-squared",
    "With `centered` you subtract the running mean m itself. The variance is the mean of the squares minus the square "
    "of the mean, v − m².",
    "Both terms must be of the same kind: squares.",
    fails="test_rmsprop_centered",
)
class MeanNotSquared(RMSpropLoop):
    def centre(self, square, mean):
        return square - mean


@misconception(
    "RMSprop",
    "rmsprop-learning-rate-in-the-buffer",
    "You multiply by lr before the scaled gradient goes into the momentum buffer. As long as lr stays the same nobody "
    "sees that; when a scheduler lowers it, your buffer goes on with the old, larger steps.",
    "Keep the buffer free of lr, and apply lr where the parameter is moved.",
    fails="test_learning_rates_change",
)
class RMSpropLearningRateInTheBuffer(RMSpropLoop):
    def move(self, p, grad, root, group, state):
        state["buffer"] = group["momentum"] * state["buffer"] + group["lr"] * grad / root
        p.sub_(state["buffer"])


@misconception(
    "RMSprop",
    "averages-the-steps",
    "Your momentum buffer is a running mean: momentum · b + (1 − momentum) · g/d. RMSprop's is a fading sum, as SGD's "
    "is.",
    "Each scaled gradient goes into the buffer in full.",
    fails="test_rmsprop_momentum",
)
class AveragesTheSteps(RMSpropLoop):
    def move(self, p, grad, root, group, state):
        state["buffer"] = group["momentum"] * state["buffer"] + (1 - group["momentum"]) * grad / root
        p.sub_(group["lr"] * (state["buffer"] if group["momentum"] else grad / root))


@misconception(
    "RMSprop",
    "rmsprop-decays-the-parameter-itself",
    "You shrink the parameter itself, as AdamW does. In RMSprop weight_decay · p is added to the gradient, so that it "
    "is squared, averaged and divided with it.",
    "Let the decay join the gradient before anything else happens to it.",
    fails="test_rmsprop_weight_decay",
)
class RMSpropDecaysTheParameter(RMSpropLoop):
    def update(self, p, grad, group, state):
        p.mul_(1 - group["lr"] * group["weight_decay"])
        super().update(p, grad, {**group, "weight_decay": 0.0}, state)


# -- Adam --------------------------------------------------------------------------------------------------


@misconception(
    "Adam",
    "no-bias-correction",
    "You use the running means as they are. They begin at zero, so after one step the first is a tenth of "
    "the gradient and the root of the second about a thirtieth: your first step is 3.16·lr, where Adam's "
    "is lr.",
    "Divide each mean by 1 − βᵗ before you use it.",
    fails="test_adam_by_hand",
)
class NoBiasCorrection(AdamLoop):
    def ratio(self, state, c1, c2, eps):
        return state["m"] / (state["v"].sqrt() + eps)


@misconception(
    "Adam",
    "corrects-only-the-first-mean",
    "You correct the mean of the gradients but not the mean of their squares, which is the one that "
    "begins furthest off: your first step is 31.6·lr.",
    "Both means begin at zero, so both need a correction, each with its own β.",
    fails="test_adam_by_hand",
)
class CorrectsOnlyTheFirstMean(AdamLoop):
    def ratio(self, state, c1, c2, eps):
        return (state["m"] / c1) / (state["v"].sqrt() + eps)


@misconception(
    "Adam",
    "stores-the-corrected-means",
    "You write the corrected means back into the state, so that the next step corrects them once more.",
    "Keep the running means as they are, and give the corrected ones names of their own.",
    fails="test_adam_by_hand",
)
class StoresTheCorrectedMeans(AdamLoop):
    def ratio(self, state, c1, c2, eps):
        state["m"], state["v"] = state["m"] / c1, state["v"] / c2
        return state["m"] / (state["v"].sqrt() + eps)


@misconception(
    "Adam",
    "eps-under-the-root",
    "You add eps under the root. With a gradient of 1e-9 and lr 0.1 the first step is then 1e-6; Adam's "
    "is 0.00909, because √v̂ is 1e-9 and eps 1e-8 comes on top of that.",
    "Take the root of the corrected mean, and add eps to that.",
    fails="test_adam_eps_is_added_last",
)
class EpsUnderTheRoot(AdamLoop):
    def ratio(self, state, c1, c2, eps):
        return (state["m"] / c1) / (state["v"] / c2 + eps).sqrt()


@misconception(
    "Adam",
    "eps-before-the-correction",
    "You add eps to √v and correct the sum, so your eps is corrected (and at first 32 times larger) as "
    "well. With a gradient of 1e-9 and lr 0.1 your first step is 0.0003; Adam's is 0.00909.",
    "The root of the corrected mean comes first, eps last.",
    fails="test_adam_eps_is_added_last",
)
class EpsBeforeTheCorrection(AdamLoop):
    def ratio(self, state, c1, c2, eps):
        return state["m"] / c1 * c2**0.5 / (state["v"].sqrt() + eps)


@misconception(
    "Adam",
    "swaps-the-betas",
    "You use the first β for the squares and the second for the gradients. (0.9, 0.999) means a short "
    "memory for the direction and a long one for the size.",
    "Unpack `group['betas']` once, and look at which mean gets which.",
    fails="test_adam_matches_pytorch",
)
class SwapsTheBetas(AdamLoop):
    def direction(self, p, grad, group, state):
        return super().direction(p, grad, {**group, "betas": group["betas"][::-1]}, state)


@misconception(
    "Adam",
    "one-clock-for-all",
    "You count one t for all parameters. A parameter whose first gradient arrives late (a layer that was "
    "frozen, say) then gets hardly any correction for means that have only just begun.",
    "Keep the count where the means are kept: in `self.state[p]`.",
    fails="test_a_gradient_that_arrives_late",
)
class OneClockForAll(AdamLoop):
    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            group["t"] = group.get("t", 0) + 1
        return super().step(closure)

    def count(self, p, state):
        return self.param_groups[0]["t"]


@misconception(
    "Adam",
    "clock-runs-once-for-each-parameter",
    "Your step count is shared and rises inside of the loop over the parameters: with three parameters "
    "the second step counts as the fourth, fifth and sixth. Only the very first parameter's first step is "
    "corrected rightly.",
    "t counts the steps of one parameter: let each have its own, in `self.state[p]`.",
    fails="test_adam_matches_pytorch",
)
class ClockRunsOnceForEachParameter(AdamLoop):
    def count(self, p, state):
        group = self.param_groups[0]
        group["t"] = group.get("t", 0) + 1
        return group["t"]


@misconception(
    "Adam",
    "decays-like-adamw",
    "You shrink the parameter itself, which is AdamW. Adam adds weight_decay · p to the gradient, so that "
    "it goes through both means: with p = 1, lr = weight_decay = 0.1 and no gradient, Adam goes to 0.9 "
    "and AdamW to 0.99.",
    "Let the decay join the gradient before anything else happens to it.",
    fails="test_adam_weight_decay_goes_through_the_means",
)
class DecaysLikeAdamW(AdamLoop):
    decoupled = True


@misconception(
    "Adam",
    "state-hangs-on-a-graph",
    "Your running means have a graph: you compute them from the parameter with gradients on, and only the "
    "last line works on `.data`. The numbers are right, but every step makes the graph longer, until "
    "memory runs out.",
    "Let the whole of `step` run under `torch.no_grad()`.",
    fails="test_no_graph_is_recorded",
)
class StateHangsOnAGraph(AdamLoop):
    @torch.enable_grad()
    def update(self, p, grad, group, state):
        grad = grad + group["weight_decay"] * p
        p.data -= group["lr"] * self.direction(p, grad, group, state).detach()


@misconception(
    "Adam",
    "no-bias-correction-and-eps-under-the-root",
    "Two things at once: you use the running means as they are, though both begin at zero, and you add eps under the "
    "root. Your first step is 3.16·lr where Adam's is lr.",
    "Divide each mean by 1 − βᵗ before you use it; take the root of the second, and add eps to that.",
    fails=["test_adam_by_hand", "test_adam_eps_is_added_last"],
)
class NoBiasCorrectionAndEpsUnderTheRoot(AdamLoop):
    def ratio(self, state, c1, c2, eps):
        return state["m"] / (state["v"] + eps).sqrt()


@misconception(
    "Adam",
    "adam-without-weight-decay",
    "Your step never uses weight_decay: whatever it is, the parameters do not shrink.",
    "In Adam weight_decay · p is added to the gradient, before both means.",
    fails="test_adam_weight_decay_goes_through_the_means",
)
class AdamWithoutDecay(AdamLoop):
    def update(self, p, grad, group, state):
        super().update(p, grad, {**group, "weight_decay": 0.0}, state)


@misconception(
    "Adam",
    "decays-like-adamw-after-the-step",
    "After the step you shrink the parameter itself, much as AdamW does before it. Adam adds weight_decay · p to the "
    "gradient, so that it goes through both means.",
    "Let the decay join the gradient before anything else happens to it.",
    fails="test_adam_weight_decay_goes_through_the_means",
)
class DecaysLikeAdamWAfterTheStep(AdamLoop):
    def update(self, p, grad, group, state):
        p.sub_(group["lr"] * self.direction(p, grad, group, state))
        p.mul_(1 - group["lr"] * group["weight_decay"])


# -- AdamW -------------------------------------------------------------------------------------------------


@misconception(
    "AdamW",
    "decays-like-adam",
    "You add weight_decay · p to the gradient, which is Adam. It then goes through the means and is "
    "divided by √v: with p = 1, lr = weight_decay = 0.1 and no gradient you get 0.9, where AdamW gives "
    "0.99.",
    "Shrink the parameter itself, and let the means see the gradient alone.",
    fails="test_adamw_decays_the_parameter_itself",
)
class DecaysLikeAdam(AdamWLoop):
    decoupled = False


@misconception(
    "AdamW",
    "decays-without-the-learning-rate",
    "You shrink the parameter by weight_decay at each step, without lr. With the usual lr of 1e-3 that is "
    "a thousand times too much, and a scheduler cannot slow it down.",
    "The decay is a step like any other: what are all steps multiplied by?",
    fails="test_adamw_decays_the_parameter_itself",
)
class DecaysWithoutTheLearningRate(AdamWLoop):
    def update(self, p, grad, group, state):
        direction = self.direction(p, grad, group, state)
        p.mul_(1 - group["weight_decay"]).sub_(group["lr"] * direction)


@misconception(
    "AdamW",
    "decays-after-the-step",
    "You take Adam's step first and then shrink what came out of it, the step included. The decay is of "
    "the parameter as it was: with p = 1, lr = weight_decay = 0.1 the first step goes to 0.89, yours to "
    "0.891.",
    "Put the decay before everything else.",
    fails="test_adamw_by_hand",
)
class DecaysAfterTheStep(AdamWLoop):
    def update(self, p, grad, group, state):
        p.sub_(group["lr"] * self.direction(p, grad, group, state))
        p.mul_(1 - group["lr"] * group["weight_decay"])


@misconception(
    "AdamW",
    "decays-what-has-no-gradient",
    "You shrink every parameter before you look whether it has a gradient. Frozen and unused parameters "
    "fade away that way, though nothing trains them.",
    "Skip a parameter without a gradient before anything is done to it.",
    fails="test_parameters_without_a_gradient_stay",
)
class DecaysWhatHasNoGradient(AdamWLoop):
    @torch.no_grad()
    def step(self, closure=None):
        if closure is None:
            for group in self.param_groups:
                for p in group["params"]:
                    if p.grad is None:
                        p.mul_(1 - group["lr"] * group["weight_decay"])
        return super().step(closure)


@misconception(
    "AdamW",
    "decays-at-the-first-learning-rate",
    "Your decay uses the learning rate of the constructor. When a scheduler lowers lr, your parameters go "
    "on shrinking as fast as before.",
    "Read lr from the group for both halves of the step.",
    fails="test_learning_rates_change",
)
class DecaysAtTheFirstLearningRate(AdamWLoop):
    def update(self, p, grad, group, state):
        p.mul_(1 - self.defaults["lr"] * group["weight_decay"])
        p.sub_(group["lr"] * self.direction(p, grad, group, state))


@misconception(
    "AdamW",
    "adamw-without-bias-correction",
    "You use the running means as they are, so your first step is 3.16·lr, where it should be lr whatever "
    "the gradient is.",
    "Divide each mean by 1 − βᵗ, as in Adam.",
    fails="test_adamw_by_hand",
)
class AdamWWithoutBiasCorrection(AdamWLoop):
    def ratio(self, state, c1, c2, eps):
        return state["m"] / (state["v"].sqrt() + eps)


@misconception(
    "AdamW",
    "only-the-first-group",
    "Your loop goes through `self.param_groups[0]` only. The parameters of every other group never move.",
    "Two loops: over the groups, and over the parameters of each.",
    fails="test_two_groups_with_options_of_their_own",
)
class OnlyTheFirstGroup(AdamWLoop):
    @torch.no_grad()
    def step(self, closure=None):
        rest, self.param_groups = self.param_groups[1:], self.param_groups[:1]
        loss = super().step(closure)
        self.param_groups += rest
        return loss


@misconception(
    "AdamW",
    "adamw-eps-under-the-root",
    "You add eps under the root: √(v̂ + eps) instead of √v̂ + eps. Where gradients are small that is another step.",
    "Take the root of the corrected mean, and add eps to that.",
    fails="test_adamw_eps_is_added_last",
)
class AdamWEpsUnderTheRoot(AdamWLoop):
    def ratio(self, state, c1, c2, eps):
        return (state["m"] / c1) / (state["v"] / c2 + eps).sqrt()


@misconception(
    "AdamW",
    "adamw-without-weight-decay",
    "Your step never uses weight_decay, the one thing in which AdamW differs from Adam.",
    "Shrink the parameter itself by lr · weight_decay of its size, apart from the gradient's step.",
    fails="test_adamw_decays_the_parameter_itself",
)
class AdamWWithoutDecay(AdamWLoop):
    def update(self, p, grad, group, state):
        super().update(p, grad, {**group, "weight_decay": 0.0}, state)


# -- what can go wrong in each step() -----------------------------------------------------------------------

for _part, _loop in [("RMSprop", RMSpropLoop), ("Adam", AdamLoop), ("AdamW", AdamWLoop)]:

    @misconception(
        _part,
        f"{_part.lower()}-reads-the-defaults",
        "You read lr and the other options from `self.defaults` (or from attributes set in the constructor). Those are "
        "only what a group gets when nothing else is said.",
        "Read every option from the group that you are looping over, at each step.",
        fails=["test_two_groups_with_options_of_their_own", "test_a_scheduler_lowers_the_learning_rate"],
    )
    class EachReadsTheDefaults(_loop):
        def update(self, p, grad, group, state):
            super().update(p, grad, self.defaults, state)

    @misconception(
        _part,
        f"{_part.lower()}-none-is-zero",
        "You treat a missing gradient as one of zeros. A parameter whose `.grad` is None is left alone altogether, and "
        "so is what you remember about it.",
        "What should happen first in the loop over a group's parameters?",
        fails="test_parameters_without_a_gradient_stay",
    )
    class EachNoneIsZero(_loop):
        @torch.no_grad()
        def step(self, closure=None):
            loss = closure and torch.enable_grad()(closure)()
            for group in self.param_groups:
                for p in group["params"]:
                    self.update(p, torch.zeros_like(p) if p.grad is None else p.grad, group, self.state[p])
            return loss

    @misconception(
        _part,
        f"{_part.lower()}-closure-without-gradients",
        "You call the closure while gradients are switched off, so its `backward` fails.",
        "Switch gradients on again around the one line that calls the closure.",
        fails="test_closure",
    )
    class EachClosureWithoutGradients(_loop):
        @torch.no_grad()
        def step(self, closure=None):
            loss = None if closure is None else closure()
            super().step()
            return loss

    @misconception(
        _part,
        f"{_part.lower()}-forgets-the-loss",
        "Your step calls the closure but does not return what it gave.",
        "Keep the closure's result in a variable until the end of the step.",
        fails="test_closure",
    )
    class EachForgetsTheLoss(_loop):
        def step(self, closure=None):
            super().step(closure)


EVERY = {"SGD": SGDLoop, "RMSprop": RMSpropLoop, "Adam": AdamLoop, "AdamW": AdamWLoop}


for _part, _loop in EVERY.items():

    @misconception(
        _part,
        f"{_part.lower()}-returns-in-the-loop",
        "Only the first parameter moves (or the first of each group): the loop ends after it, as it does if the line "
        "with `return` stands inside of the loop.",
        "What is done after all parameters belongs behind the loop, as far to the left as its `for`.",
        fails=["test_a_gradient_that_arrives_late", "test_parameters_from_a_generator"],
    )
    class ReturnsInTheLoop(_loop):
        @torch.no_grad()
        def step(self, closure=None):
            loss = closure and torch.enable_grad()(closure)()
            for group in self.param_groups:
                for p in group["params"]:
                    if p.grad is not None:
                        self.update(p, p.grad, group, self.state[p])
                        return loss
            return loss

    @misconception(
        _part,
        f"{_part.lower()}-stops-at-a-missing-gradient",
        "At the first parameter without a gradient your loop ends (`break`, or `return`), and those behind it are "
        "never moved.",
        "One parameter is to be skipped, not the rest: what goes on with the next one?",
        fails="test_parameters_without_a_gradient_stay",
    )
    class StopsAtAMissingGradient(_loop):
        @torch.no_grad()
        def step(self, closure=None):
            loss = closure and torch.enable_grad()(closure)()
            for group in self.param_groups:
                for p in group["params"]:
                    if p.grad is None:
                        break
                    self.update(p, p.grad, group, self.state[p])
            return loss

    @misconception(
        _part,
        f"{_part.lower()}-never-calls-the-closure",
        "You take a closure and never call it: no loss is computed, and the gradients are those of before.",
        "If there is one, call it before anything is updated, with gradients switched on.",
        fails="test_closure",
    )
    class NeverCallsTheClosure(_loop):
        def step(self, closure=None):
            super().step()

    @misconception(
        _part,
        f"{_part.lower()}-moves-before-the-closure",
        "You call the closure after the parameters have moved: the step uses the gradients of before.",
        "The closure computes the gradients of this step: it comes first.",
        fails="test_closure",
    )
    class MovesBeforeTheClosure(_loop):
        def step(self, closure=None):
            super().step()
            return closure and torch.enable_grad()(closure)()

    @misconception(
        _part,
        f"{_part.lower()}-calls-the-closure-for-each-group",
        "You call the closure inside of the loop over the groups, once for each of them. The second time the first "
        "group has moved already. One step calls it once.",
        "The closure comes before the loops.",
        fails="test_closure",
    )
    class CallsTheClosureForEachGroup(_loop):
        @torch.no_grad()
        def step(self, closure=None):
            loss = None
            for group in self.param_groups:
                loss = closure and torch.enable_grad()(closure)()
                for p in group["params"]:
                    if p.grad is not None:
                        self.update(p, p.grad, group, self.state[p])
            return loss

    @misconception(
        _part,
        f"{_part.lower()}-begins-anew-at-each-step",
        "What you remember about a parameter is made anew at each step: buffers and counts never get further than "
        "their first step.",
        "Make the state only where there is none yet.",
        fails=["test_a_gradient_that_arrives_late", "test_other_memory_layouts"],
    )
    class BeginsAnew(_loop):
        def update(self, p, grad, group, state):
            state.clear()
            super().update(p, grad, group, state)

    @misconception(
        _part,
        f"{_part.lower()}-decays-the-wrong-way",
        "Your weight decay has the wrong sign: without a gradient the parameters grow instead of shrinking.",
        "With no gradient at all and a weight_decay above 0, a parameter of 1 has to get smaller.",
        fails=["test_two_groups_with_options_of_their_own", "test_other_options_change"],
    )
    class DecaysTheWrongWay(_loop):
        def update(self, p, grad, group, state):
            super().update(p, grad, {**group, "weight_decay": -group["weight_decay"]}, state)


for _part, _loop in EVERY.items():
    if _part != "SGD":

        @misconception(
            _part,
            f"{_part.lower()}-rebinds-the-name",
            "Your step computes a new tensor and gives it the name p. The model's own parameter never hears of that: "
            "after any number of steps it is where it began.",
            "Which operations write into a tensor instead of making a new one? Their names end in an underscore.",
            fails=["test_trains_a_regression", "test_parameters_change_in_place"],
        )
        class EachRebindsTheName(_loop):
            def update(self, p, grad, group, state):
                super().update(p.clone(), grad, group, state)

        @misconception(
            _part,
            f"{_part.lower()}-memory-outside-of-the-state",
            "You keep what you remember in an attribute of your own. `state_dict` knows `self.state` only, so a "
            "training that is saved and loaded begins again without it.",
            "Put what you remember about p into the dict `self.state[p]`.",
            fails="test_goes_on_from_a_state_dict",
        )
        class EachMemoryOutsideOfTheState(_loop):
            def update(self, p, grad, group, state):
                own = self.__dict__.setdefault("own", {})
                super().update(p, grad, group, own.setdefault(id(p), {}))

        @misconception(
            _part,
            f"{_part.lower()}-climbs",
            "Your step goes along the gradient, uphill. The gradient says which way the loss grows.",
            "Down is the opposite direction: look at the sign of your update.",
            fails=["test_trains_a_regression", "test_closure"],
        )
        class EachClimbs(_loop):
            def update(self, p, grad, group, state):
                shrunk = 1 - group["lr"] * group["weight_decay"] if isinstance(self, AdamWLoop) else 1
                start = p * shrunk
                super().update(p, grad, group, state)
                p.copy_(2 * start - p)

    if _part != "AdamW":

        @misconception(
            _part,
            f"{_part.lower()}-moves-the-first-group-only",
            "Your loop goes through `self.param_groups[0]` only. The parameters of every other group never move.",
            "Two loops: over the groups, and over the parameters of each.",
            fails="test_two_groups_with_options_of_their_own",
        )
        class EachOnlyTheFirstGroup(_loop):
            @torch.no_grad()
            def step(self, closure=None):
                loss = closure and torch.enable_grad()(closure)()
                for p in self.param_groups[0]["params"]:
                    if p.grad is not None:
                        self.update(p, p.grad, self.param_groups[0], self.state[p])
                return loss

    if _part in ("RMSprop", "Adam"):

        @misconception(
            _part,
            f"{_part.lower()}-writes-into-the-gradient",
            "You add the weight decay to `p.grad` in place. The gradient belongs to the caller: who accumulates, logs "
            "or clips it afterwards finds a decayed one.",
            "Use operations that make a new tensor here: those without an underscore.",
            fails="test_gradients_are_left_as_they_are",
        )
        class EachWritesIntoTheGradient(_loop):
            def update(self, p, grad, group, state):
                grad.add_(p, alpha=group["weight_decay"])
                super().update(p, grad, {**group, "weight_decay": 0.0}, state)


# -- what can go wrong in the ratio of Adam and AdamW -------------------------------------------------------


def _ratio(name, part, id, explanation, advice, *fails):
    """The misconception `id` of Adam or AdamW, whose ratio of the means is `name`."""
    loop = EVERY[part]
    prefix = "adamw-" if part == "AdamW" else ""
    wrong = type(name.__name__, (loop,), {"ratio": name})
    tests = [test.format(part.lower()) for test in fails]
    misconception(part, prefix + id, explanation, advice, fails=tests)(wrong)


def root_divided_by_the_correction(self, state, c1, c2, eps):
    return (state["m"] / c1) / (state["v"].sqrt() / c2 + eps)


def second_mean_corrected_alone(self, state, c1, c2, eps):
    return state["m"] / ((state["v"] / c2).sqrt() + eps)


def no_root(self, state, c1, c2, eps):
    return (state["m"] / c1) / (state["v"] / c2 + eps)


def eps_under_the_root_before_the_correction(self, state, c1, c2, eps):
    return (state["m"] / c1) * c2**0.5 / (state["v"] + eps).sqrt()


def corrections_exchanged(self, state, c1, c2, eps):
    return (state["m"] / c2) / ((state["v"] / c1).sqrt() + eps)


def multiplied_by_the_corrections(self, state, c1, c2, eps):
    return (state["m"] * c1) / ((state["v"] * c2).sqrt() + eps)


for _part in ("Adam", "AdamW"):
    _ratio(
        root_divided_by_the_correction,
        _part,
        "correction-outside-of-the-root",
        "You take the root of v and divide that by 1 − β₂ᵗ. The correction belongs under the root: √(v / (1 − β₂ᵗ)). "
        "Your first step is 0.0316·lr, where Adam's is lr.",
        "Correct the mean of the squares first, then take the root.",
        "test_{}_by_hand",
        "test_{}_matches_pytorch",
    )
    _ratio(
        second_mean_corrected_alone,
        _part,
        "corrects-only-the-second-mean",
        "You correct the mean of the squares but not the mean of the gradients: your first step is 0.1·lr, where "
        "Adam's is lr.",
        "Both means begin at zero, so both need a correction, each with its own β.",
        "test_{}_by_hand",
        "test_{}_matches_pytorch",
    )
    _ratio(
        no_root,
        _part,
        "no-root-of-the-squares",
        "You divide by the mean of the squares, not by its root: a gradient ten times as large then makes a step a "
        "tenth as long.",
        "What has the same unit as a gradient: a square, or its root?",
        "test_{}_by_hand",
        "test_{}_matches_pytorch",
    )
    _ratio(
        eps_under_the_root_before_the_correction,
        _part,
        "eps-under-the-root-before-the-correction",
        "You add eps to v under the root and correct afterwards: √(v + eps) / √(1 − β₂ᵗ). It comes last of all: √(v / "
        "(1 − β₂ᵗ)) + eps.",
        "Correct, take the root, and only then add eps.",
        "test_{}_eps_is_added_last",
    )
    _ratio(
        corrections_exchanged,
        _part,
        "corrections-exchanged",
        "Your two corrections are exchanged: the mean of the gradients is divided by 1 − β₂ᵗ, that of the squares by 1 "
        "− β₁ᵗ.",
        "Each mean is corrected with the β that it is made with.",
        "test_{}_by_hand",
        "test_{}_matches_pytorch",
    )
    _ratio(
        multiplied_by_the_corrections,
        _part,
        "multiplied-by-the-corrections",
        "You multiply the means by 1 − βᵗ. They begin too small, and so have to be divided by it.",
        "After one step the first mean is a tenth of the gradient, and 1 − β₁ is 0.1: how does it become the gradient?",
        "test_{}_by_hand",
        "test_{}_matches_pytorch",
    )

_ratio(
    EpsBeforeTheCorrection.ratio,
    "AdamW",
    "eps-before-the-correction",
    "You add eps to √v and correct the sum, so your eps is corrected (and at first 32 times larger) as well. With a "
    "gradient of 1e-9, lr 0.1 and no decay your first step is 0.0003; it should be 0.00909.",
    "The root of the corrected mean comes first, eps last.",
    "test_{}_eps_is_added_last",
)
_ratio(
    CorrectsOnlyTheFirstMean.ratio,
    "AdamW",
    "corrects-only-the-first-mean",
    "You correct the mean of the gradients but not the mean of their squares: your first step is 31.6·lr.",
    "Both means begin at zero, so both need a correction, each with its own β.",
    "test_{}_by_hand",
)
_ratio(
    StoresTheCorrectedMeans.ratio,
    "AdamW",
    "stores-the-corrected-means",
    "You write the corrected means back into the state, so that the next step corrects them once more.",
    "Keep the running means as they are, and give the corrected ones names of their own.",
    "test_{}_by_hand",
)


@misconception(
    "AdamW",
    "eps-before-the-correction-and-decay-after-the-step",
    "Two things at once: you add eps to √v and correct the sum, so that eps is corrected as well, and you shrink the "
    "parameter after the step instead of before it, so that the step shrinks too.",
    "Decay first; then the root of the corrected mean, and eps last.",
    fails=["test_adamw_by_hand", "test_adamw_eps_is_added_last"],
)
class EpsBeforeAndDecayAfter(DecaysAfterTheStep):
    ratio = EpsBeforeTheCorrection.ratio


for _part in ("Adam", "AdamW"):

    def _means(id, explanation, advice, *fails, part=_part):
        prefix = "adamw-" if part == "AdamW" else ""
        return misconception(part, prefix + id, explanation, advice, fails=[f.format(part.lower()) for f in fails])

    @_means(
        "counts-from-zero",
        "Your t is 0 at the first step. 1 − β⁰ is 0, and a mean divided by 0 is infinite or NaN.",
        "The first step is number 1: raise t before you use it.",
        "test_{}_by_hand",
        "test_{}_matches_pytorch",
    )
    class CountsFromZero(EVERY[_part]):
        def count(self, p, state):
            state["t"] = state.get("t", -1) + 1
            return state["t"]

        def ratio(self, state, c1, c2, eps):
            return (state["m"] / torch.tensor(c1)) / ((state["v"] / torch.tensor(c2)).sqrt() + eps)

    @_means(
        "counts-one-too-many",
        "Your t is 2 at the first step: it begins at 1 and is raised before it is used. The means are then corrected "
        "too little.",
        "Begin at 0 and raise it before use, or begin at 1 and raise it afterwards.",
        "test_{}_by_hand",
        "test_{}_matches_pytorch",
    )
    class CountsOneTooMany(EVERY[_part]):
        def count(self, p, state):
            return super().count(p, state) + 1

    @_means(
        "correction-of-the-first-step-for-ever",
        "You divide by 1 − β at every step, without the power t. At the first step that is right; later the means need "
        "less and less correction.",
        "β is raised to the power of t: 1 − βᵗ.",
        "test_{}_by_hand",
        "test_{}_matches_pytorch",
    )
    class NoPower(EVERY[_part]):
        def count(self, p, state):
            super().count(p, state)
            return 1

    @_means(
        "new-gradients-in-full",
        "Your means take in each new value in full: β · m + g and β · v + g², without the factor 1 − β.",
        "Both terms of a running mean have a factor; the two sum to 1.",
        "test_{}_by_hand",
        "test_{}_matches_pytorch",
    )
    class NewGradientsInFull(EVERY[_part]):
        def direction(self, p, grad, group, state):
            beta1, beta2 = group["betas"]
            if not state:
                state.update(m=torch.zeros_like(p), v=torch.zeros_like(p))
            t = self.count(p, state)
            state["m"], state["v"] = beta1 * state["m"] + grad, beta2 * state["v"] + grad**2
            return self.ratio(state, 1 - beta1**t, 1 - beta2**t, group["eps"])

    @_means(
        "weighs-the-past-with-the-small-part",
        "Your means keep 1 − β of the past and take β of the new: (1 − β) · m + β · g. With 0.9 and 0.999 they forget "
        "nearly everything at each step.",
        "β says how much of the past is kept.",
        "test_{}_by_hand",
        "test_{}_matches_pytorch",
    )
    class WeighsTheNew(EVERY[_part]):
        def direction(self, p, grad, group, state):
            beta1, beta2 = group["betas"]
            if not state:
                state.update(m=torch.zeros_like(p), v=torch.zeros_like(p))
            t = self.count(p, state)
            state["m"] = (1 - beta1) * state["m"] + beta1 * grad
            state["v"] = (1 - beta2) * state["v"] + beta2 * grad**2
            return self.ratio(state, 1 - beta1**t, 1 - beta2**t, group["eps"])

    @_means(
        "squares-the-mean",
        "Your second mean is of the squares of the first mean, not of the squares of the gradients.",
        "v = β₂ · v + (1 − β₂) · g²: what is squared there?",
        "test_{}_by_hand",
        "test_{}_matches_pytorch",
    )
    class SquaresTheMean(EVERY[_part]):
        def direction(self, p, grad, group, state):
            beta1, beta2 = group["betas"]
            if not state:
                state.update(m=torch.zeros_like(p), v=torch.zeros_like(p))
            t = self.count(p, state)
            state["m"] = beta1 * state["m"] + (1 - beta1) * grad
            state["v"] = beta2 * state["v"] + (1 - beta2) * state["m"] ** 2
            return self.ratio(state, 1 - beta1**t, 1 - beta2**t, group["eps"])


@misconception(
    "AdamW",
    "decays-the-gradient-too",
    "You decay twice: the parameter itself shrinks, and weight_decay · p is added to the gradient as well, as in Adam.",
    "Only the first of the two is AdamW: the means see the gradient alone.",
    fails="test_adamw_decays_the_parameter_itself",
)
class DecaysTwice(AdamWLoop):
    def direction(self, p, grad, group, state):
        return super().direction(p, grad.add(p, alpha=group["weight_decay"]), group, state)


@misconception(
    "AdamW",
    "adamw-swaps-the-betas",
    "You use the first β for the squares and the second for the gradients.",
    "Unpack `group['betas']` once, and look at which mean gets which.",
    fails="test_adamw_matches_pytorch",
)
class AdamWSwapsTheBetas(AdamWLoop):
    def direction(self, p, grad, group, state):
        return super().direction(p, grad, {**group, "betas": group["betas"][::-1]}, state)


@misconception(
    "AdamW",
    "adamw-one-clock-for-all",
    "You count one t for all parameters. A parameter whose first gradient arrives late then gets hardly any correction "
    "for means that have only just begun.",
    "Keep the count where the means are kept: in `self.state[p]`.",
    fails="test_a_gradient_that_arrives_late",
)
class AdamWOneClockForAll(AdamWLoop):
    step = OneClockForAll.step
    count = OneClockForAll.count


@misconception(
    "AdamW",
    "adamw-clock-runs-once-for-each-parameter",
    "Your step count is shared and rises inside of the loop over the parameters: with three parameters the second step "
    "counts as the fourth, fifth and sixth.",
    "t counts the steps of one parameter: let each have its own, in `self.state[p]`.",
    fails="test_adamw_matches_pytorch",
)
class AdamWClockRunsOnceForEachParameter(AdamWLoop):
    count = ClockRunsOnceForEachParameter.count


# -- clip_grad_norm_ ---------------------------------------------------------------------------------------


def listed(parameters):
    return [parameters] if isinstance(parameters, torch.Tensor) else list(parameters)


def grads_of(parameters):
    return [p.grad for p in listed(parameters) if p.grad is not None]


def norm_of(grads):
    return torch.stack([g.norm() for g in grads]).norm() if grads else torch.tensor(0.0)


def scale(grads, factor):
    for g in grads:
        g.mul_(factor)


@misconception(
    "clip_grad_norm_",
    "each-tensor-on-its-own",
    "You clip every gradient to max_norm on its own. That bends the step, because large and small tensors "
    "lose their proportion, and the whole can still be longer than max_norm: [3] and [4] clipped to 1 "
    "must become [0.6] and [0.8], not [1] and [1].",
    "One norm for all gradients together, and one factor.",
    fails="test_clip_by_hand",
)
def each_tensor_on_its_own(parameters, max_norm):
    grads = grads_of(parameters)
    norm = norm_of(grads)
    for g in grads:
        scale([g], (max_norm / (g.norm() + 1e-6)).clamp(max=1))
    return norm


@misconception(
    "clip_grad_norm_",
    "sum-of-the-norms",
    "You add up the norms of the gradients. Lengths at right angles do not add up: [3] and [4] together "
    "have the norm 5, not 7.",
    "Square the norms, sum, and take the root (which is the norm of the norms).",
    fails="test_clip_by_hand",
)
def sum_of_the_norms(parameters, max_norm):
    grads = grads_of(parameters)
    norm = sum((g.norm() for g in grads), torch.tensor(0.0)) if grads else torch.tensor(0.0)
    scale(grads, (max_norm / (norm + 1e-6)).clamp(max=1))
    return norm


@misconception(
    "clip_grad_norm_",
    "also-scales-up",
    "You scale gradients to max_norm even if they are shorter than that. Clipping is a limit: near a "
    "minimum, where gradients are small, you blow them up.",
    "How large may the factor be at the most?",
    fails="test_clip_leaves_short_gradients_alone",
)
def also_scales_up(parameters, max_norm):
    grads = grads_of(parameters)
    norm = norm_of(grads)
    scale(grads, max_norm / (norm + 1e-6))
    return norm


@misconception(
    "clip_grad_norm_",
    "cuts-each-value-off",
    "You cut every single number off at ±max_norm. That changes the direction of the gradient, and says "
    "nothing about its length.",
    "Multiply all of them by one factor instead.",
    fails="test_clip_by_hand",
)
def cuts_each_value_off(parameters, max_norm):
    grads = grads_of(parameters)
    norm = norm_of(grads)
    for g in grads:
        g.clamp_(-max_norm, max_norm)
    return norm


@misconception(
    "clip_grad_norm_",
    "goes-through-a-generator-twice",
    "You loop over `parameters` twice. `model.parameters()` is a generator, which is used up after the "
    "first time: your second loop finds nothing, and the gradients stay as long as they were.",
    "Turn it into a list before anything else.",
    fails="test_clip_takes_any_iterable",
)
def goes_through_a_generator_twice(parameters, max_norm):
    parameters = [parameters] if isinstance(parameters, torch.Tensor) else parameters
    norm = norm_of([p.grad for p in parameters if p.grad is not None])
    scale([p.grad for p in parameters if p.grad is not None], (max_norm / (norm + 1e-6)).clamp(max=1))
    return norm


@misconception(
    "clip_grad_norm_",
    "loops-over-one-tensor",
    "You loop over `parameters` even when it is one tensor. That gives its rows, which have no `.grad`, "
    "and so nothing is clipped.",
    "Ask whether it is a tensor first, and put it into a list.",
    fails="test_clip_takes_one_tensor",
)
def loops_over_one_tensor(parameters, max_norm):
    grads = [p.grad for p in parameters if p.grad is not None]
    norm = norm_of(grads)
    scale(grads, (max_norm / (norm + 1e-6)).clamp(max=1))
    return norm


@misconception(
    "clip_grad_norm_",
    "returns-the-norm-afterwards",
    "You return the norm of the clipped gradients. That is max_norm almost always; what people log and "
    "look at is the norm before.",
    "Return the number that you computed at first.",
    fails="test_clip_by_hand",
)
def returns_the_norm_afterwards(parameters, max_norm):
    grads = grads_of(parameters)
    norm = norm_of(grads)
    scale(grads, (max_norm / (norm + 1e-6)).clamp(max=1))
    return norm_of(grads)


@misconception(
    "clip_grad_norm_",
    "returns-a-number",
    "You return a Python float. On a GPU, making one waits for everything that is still being computed; "
    "the norm should stay a 0-d tensor.",
    "Leave `.item()` and `float()` to the caller.",
    fails="test_clip_matches_pytorch",
)
def returns_a_number(parameters, max_norm):
    return float(torch.nn.utils.clip_grad_norm_(parameters, max_norm))


@misconception(
    "clip_grad_norm_",
    "puts-new-gradients-in-place",
    "You assign a new tensor to `p.grad`. Whoever holds the old gradient (a view into a flat buffer, say) "
    "sees nothing of the clipping.",
    "Multiply in place: the function's own name ends in an underscore.",
    fails="test_clip_changes_gradients_in_place",
)
def puts_new_gradients_in_place(parameters, max_norm):
    kept = [p for p in listed(parameters) if p.grad is not None]
    norm = norm_of([p.grad for p in kept])
    for p in kept:
        p.grad = p.grad * (max_norm / (norm + 1e-6)).clamp(max=1)
    return norm


@misconception(
    "clip_grad_norm_",
    "product-thrown-away",
    "The norm is right, but every gradient stays as long as it was: a product like `grad = grad * factor` is a new "
    "tensor, and when the loop goes on nobody holds it any more.",
    "Multiply in place. Which multiplication writes into the tensor itself?",
    fails=["test_clip_by_hand", "test_clip_matches_pytorch"],
)
def product_thrown_away(parameters, max_norm):
    return norm_of(grads_of(parameters))


@misconception(
    "clip_grad_norm_",
    "factor-upside-down",
    "Your factor is norm / max_norm, and that is upside down: gradients that are too long get a factor above 1, which "
    "the cap turns into 1, and those that are short enough are made shorter still.",
    "Try a norm of 5 and a max_norm of 1: by what must [3, 4] be multiplied to have the norm 1?",
    fails=["test_clip_by_hand", "test_clip_leaves_short_gradients_alone"],
)
def factor_upside_down(parameters, max_norm):
    grads = grads_of(parameters)
    norm = norm_of(grads)
    scale(grads, (norm / (max_norm + 1e-6)).clamp(max=1))
    return norm


@misconception(
    "clip_grad_norm_",
    "divides-by-zero",
    "When all gradients are zero, you divide by 0, and 0 times infinity is NaN: one step later all parameters are NaN.",
    "Add something tiny to the norm, cap the factor at 1, or do nothing if the norm is not above max_norm.",
    fails="test_clip_of_zero_gradients",
)
def divides_by_zero(parameters, max_norm):
    grads = grads_of(parameters)
    norm = norm_of(grads)
    scale(grads, (max_norm / norm) if norm > max_norm or not norm > 0 else 1.0)
    return norm


@misconception(
    "clip_grad_norm_",
    "clips-a-flat-copy",
    "You flatten each gradient with `reshape(-1)` and multiply that. For a gradient that is not "
    "contiguous (a transposed one, say) `reshape` is a copy, and the gradient itself stays as it was.",
    "Multiply the gradient itself; any shape will do.",
    fails="test_clip_of_other_memory_layouts",
)
def clips_a_flat_copy(parameters, max_norm):
    flat = [g.reshape(-1) for g in grads_of(parameters)]
    norm = norm_of(flat)
    scale(flat, (max_norm / (norm + 1e-6)).clamp(max=1))
    return norm


@misconception(
    "clip_grad_norm_",
    "needs-a-gradient",
    "Your code fails where there is no gradient at all: an empty list, or parameters that have not seen a "
    "`backward`. The norm of nothing is 0.",
    "Return `torch.tensor(0.0)` early if no gradient is left.",
    fails="test_clip_where_there_is_nothing_to_clip",
)
def needs_a_gradient(parameters, max_norm):
    grads = grads_of(parameters)
    norm = torch.cat([g.reshape(-1) for g in grads]).norm()
    scale(grads, (max_norm / (norm + 1e-6)).clamp(max=1))
    return norm


@misconception(
    "clip_grad_norm_",
    "norm-without-its-root",
    "Your norm is the sum of the squares: [3] and [4] give you 25. The norm is the root of that, 5.",
    "Pythagoras: the last step is still missing.",
    fails=["test_clip_by_hand", "test_clip_matches_pytorch"],
)
def norm_without_its_root(parameters, max_norm):
    grads = grads_of(parameters)
    norm = norm_of(grads) ** 2
    scale(grads, (max_norm / (norm + 1e-6)).clamp(max=1))
    return norm


@misconception(
    "clip_grad_norm_",
    "largest-of-the-norms",
    "You take the largest of the gradients' norms for the norm of all: [3] and [4] give you 4, and it is 5.",
    "All numbers of all gradients count together, as if they were one long vector.",
    fails=["test_clip_by_hand", "test_clip_matches_pytorch"],
)
def largest_of_the_norms(parameters, max_norm):
    grads = grads_of(parameters)
    norm = torch.stack([g.norm() for g in grads]).amax() if grads else torch.tensor(0.0)
    scale(grads, (max_norm / (norm + 1e-6)).clamp(max=1))
    return norm


@misconception(
    "clip_grad_norm_",
    "mean-for-the-sum-of-squares",
    "You take the mean of the squares where their sum is asked for: the larger the network, the shorter its gradient "
    "seems.",
    "The length of a vector is the root of the sum of its squares.",
    fails=["test_clip_by_hand", "test_clip_matches_pytorch"],
)
def mean_for_the_sum_of_squares(parameters, max_norm):
    grads = grads_of(parameters)
    count = sum(g.numel() for g in grads)
    norm = norm_of(grads) / max(count, 1) ** 0.5
    scale(grads, (max_norm / (norm + 1e-6)).clamp(max=1))
    return norm


@misconception(
    "clip_grad_norm_",
    "norm-of-the-parameters",
    "You measure the parameters, not their gradients.",
    "What is clipped is `p.grad`, and its length is what counts.",
    fails=["test_clip_by_hand", "test_clip_matches_pytorch"],
)
def norm_of_the_parameters(parameters, max_norm):
    kept = [p for p in listed(parameters) if p.grad is not None]
    norm = norm_of([p.detach() for p in kept])
    scale([p.grad for p in kept], (max_norm / (norm + 1e-6)).clamp(max=1))
    return norm


@misconception(
    "clip_grad_norm_",
    "frozen-gradients-left-out",
    "You leave out tensors that do not require a gradient. Who has a `.grad` counts, whatever its `requires_grad` "
    "says.",
    "Ask for `.grad` alone.",
    fails="test_clip_counts_frozen_parameters_that_have_a_gradient",
)
def frozen_gradients_left_out(parameters, max_norm):
    grads = [p.grad for p in listed(parameters) if p.requires_grad and p.grad is not None]
    norm = norm_of(grads)
    scale(grads, (max_norm / (norm + 1e-6)).clamp(max=1))
    return norm


@misconception(
    "clip_grad_norm_",
    "norm-never-returned",
    "You clip, and return nothing. The norm before clipping is what people log.",
    "Return the number that you computed at first.",
    fails=["test_clip_by_hand", "test_clip_matches_pytorch"],
)
def norm_never_returned(parameters, max_norm):
    torch.nn.utils.clip_grad_norm_(listed(parameters), max_norm)


@misconception(
    "clip_grad_norm_",
    "sum-of-absolute-values",
    "You add up the absolute values: that is the 1-norm. [3] and [4] give you 7, and the 2-norm is 5.",
    "Squares, their sum, its root.",
    fails=["test_clip_matches_pytorch", "test_clip_takes_one_tensor"],
)
def sum_of_absolute_values(parameters, max_norm):
    grads = grads_of(parameters)
    norm = sum((g.abs().sum() for g in grads), torch.tensor(0.0))
    scale(grads, (max_norm / (norm + 1e-6)).clamp(max=1))
    return norm


@misconception(
    "clip_grad_norm_",
    "divided-by-the-norm-alone",
    "What is too long becomes 1 long in yours, whatever max_norm is: you divide by the norm and do not multiply by "
    "max_norm.",
    "Divided by its norm a vector has the length 1: what length is asked for?",
    fails=["test_clip_by_hand", "test_clip_matches_pytorch"],
)
def divided_by_the_norm_alone(parameters, max_norm):
    grads = grads_of(parameters)
    norm = norm_of(grads)
    if norm > max_norm:
        scale(grads, 1 / norm)
    return norm


@misconception(
    "clip_grad_norm_",
    "square-compared-with-the-limit",
    "You compare the square of the norm with max_norm. A norm of 10 then counts as too long for a limit of 10.5, and "
    "you change gradients that may stay as they are.",
    "Take the root before you compare.",
    fails="test_clip_leaves_short_gradients_alone",
)
def square_compared_with_the_limit(parameters, max_norm):
    grads = grads_of(parameters)
    norm = norm_of(grads)
    if norm**2 > max_norm:
        scale(grads, max_norm / norm)
    return norm


@misconception(
    "clip_grad_norm_",
    "largest-single-number",
    "You take the largest absolute value for the norm. [3] and [4] give you 4; the 2-norm of both together is 5.",
    "All numbers of all gradients count together, as if they were one long vector: Pythagoras.",
    fails=["test_clip_by_hand", "test_clip_matches_pytorch"],
)
def largest_single_number(parameters, max_norm):
    grads = grads_of(parameters)
    norm = torch.stack([g.abs().amax() for g in grads]).amax() if grads else torch.tensor(0.0)
    scale(grads, (max_norm / (norm + 1e-6)).clamp(max=1))
    return norm
