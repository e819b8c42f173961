# ruff: noqa
# part: train_step
# mistake: The target is handed to the loss first.
# expects: target-before-output


def train_step(model, optimizer, loss_fn, x, y):
    optimizer.zero_grad()
    loss = loss_fn(y, model(x))
    loss.backward()
    optimizer.step()
    return loss.item()
