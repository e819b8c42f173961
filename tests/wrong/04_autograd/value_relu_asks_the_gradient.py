# part: Value
# mistake: relu passes on only derivatives above 0, whatever its input says.
# expects: relu-lets-only-gains-through
import math


class Value:
    def __init__(self, data, parents=(), send=None):
        self.data, self.grad = float(data), 0.0
        self.parents, self.send, self.flow = parents, send, 0.0

    @staticmethod
    def of(number):
        return number if isinstance(number, Value) else Value(number)

    def then(self, data, slope):
        out = Value(data, (self,))
        out.send = lambda: self.receive(slope * out.flow)
        return out

    def receive(self, amount):
        self.flow += amount

    def __add__(self, other):
        other = Value.of(other)
        out = Value(self.data + other.data, (self, other))
        out.send = lambda: (self.receive(out.flow), other.receive(out.flow))
        return out

    def __mul__(self, other):
        other = Value.of(other)
        out = Value(self.data * other.data, (self, other))
        out.send = lambda: (self.receive(other.data * out.flow), other.receive(self.data * out.flow))
        return out

    def __pow__(self, n):
        return self.then(self.data**n, n * self.data ** (n - 1))

    def __neg__(self):
        return self * -1

    def __sub__(self, other):
        return self + -Value.of(other)

    def __rsub__(self, other):
        return Value.of(other) - self

    def __truediv__(self, other):
        return self * Value.of(other) ** -1

    def __rtruediv__(self, other):
        return Value.of(other) / self

    __radd__, __rmul__ = __add__, __mul__

    def exp(self):
        return self.then(math.exp(self.data), math.exp(self.data))

    def log(self):
        return self.then(math.log(self.data), 1 / self.data)

    def tanh(self):
        return self.then(math.tanh(self.data), 1 - math.tanh(self.data) ** 2)

    def relu(self):
        out = Value(max(self.data, 0.0), (self,))
        out.send = lambda: self.receive(out.flow if out.flow > 0 and self.data > 0 else 0.0)
        return out

    def backward(self):
        order, seen, stack = [], set(), [(self, False)]
        while stack:
            node, ready = stack.pop()
            if ready:
                order.append(node)
            elif node not in seen:
                seen.add(node)
                stack += [(node, True), *((parent, False) for parent in node.parents)]
        for node in order:
            node.flow = 0.0
        self.flow = 1.0
        for node in reversed(order):
            if node.send:
                node.send()
        for node in order:
            node.grad += node.flow
