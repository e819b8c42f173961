"""The wire format carries plain data and tensors, names everything else, and refuses whatever is not a message."""

import json
import math
import subprocess
import sys
import time
import tracemalloc

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nnkata.grader.errors import WireError
from nnkata.grader.model import Opaque
from nnkata.grader.worker import tensor_codec, wire

FLOATS = [torch.float16, torch.bfloat16, torch.float32, torch.float64]
QUICK = settings(max_examples=150, deadline=2_000, suppress_health_check=[HealthCheck.too_slow], derandomize=True)

HEADER_PEAK = 64 << 20
"""Bytes that reading the largest header (1 MiB) of an empty payload may take at its peak."""


def there_and_back(value, **options):
    return wire.decode(wire.encode(value, **options), **options)


def message(header, payload=b""):
    """A message with this header (text, or data to be written as JSON), its lengths made to fit."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return wire.PREFIX.pack(wire.MAGIC, len(text), len(payload)) + text + payload


def described(**changes):
    """A tensor's description, two float32 of a payload of 64 bytes, with changes."""
    return {"$": "tensor", "dtype": "float32", "shape": [2], "offset": 0, "device": "cpu", "grad": False, **changes}


def refused_or_plain(data, **options):
    """Decode; whatever it is must be refused with WireError or come out as plain data."""
    try:
        value = wire.decode(data, **options)
    except WireError:
        return None
    assert plain(value)
    return value


def plain(value):
    if isinstance(value, list):
        return all(map(plain, value))
    if isinstance(value, dict):
        return all(type(key) is str and plain(item) for key, item in value.items())
    return value is None or type(value) in (bool, int, float, str, torch.Tensor, Opaque)


def identical(a, b):
    """Equal in type, dtype, shape and bits of meaning; NaN equals NaN."""
    if isinstance(a, torch.Tensor):
        same = isinstance(b, torch.Tensor) and a.dtype == b.dtype and a.shape == b.shape
        return same and torch.equal(a.nan_to_num(123.0), b.nan_to_num(123.0)) and torch.equal(a.isnan(), b.isnan())
    if isinstance(a, list):
        return isinstance(b, list) and len(a) == len(b) and all(map(identical, a, b))
    if isinstance(a, dict):
        return isinstance(b, dict) and list(a) == list(b) and all(identical(a[k], b[k]) for k in a)
    if isinstance(a, float) and math.isnan(a):
        return isinstance(b, float) and math.isnan(b)
    return type(a) is type(b) and a == b


# -- round trips ------


@pytest.mark.parametrize("name", list(tensor_codec.DTYPES))
def test_tensors_of_every_dtype_arrive_bit_for_bit(name):
    dtype = tensor_codec.DTYPES[name]
    tensor = torch.tensor([[0, 1, 1], [1, 0, 1]]).to(dtype) * (1 if dtype is torch.bool else 3)
    arrived = there_and_back(tensor)
    assert arrived.dtype == tensor.dtype and torch.equal(arrived, tensor)


def test_all_dtypes_travel_in_one_message():
    values = [torch.ones(5, dtype=dtype) for dtype in tensor_codec.DTYPES.values()]
    assert identical(there_and_back(values), values)


def test_what_is_sent_to_a_worker_is_never_cut():
    sent = {"op": "load", "source": "x" * 1_000_000, "n" * 5_000: "ü" * 100_000}
    assert wire.decode(wire.encode(sent), layout=True, limits=wire.TRUSTED) == sent


def test_what_is_too_large_for_a_worker_is_refused_not_cut():
    with pytest.raises(WireError, match="8,388,608 are allowed"):
        wire.encode("x" * (8 << 20))


@pytest.mark.parametrize("shape", [(), (1,), (0,), (0, 3), (2, 0, 5), (1, 1, 1), (2, 3, 4), (1,) * 12])
def test_every_shape_arrives_zero_dimensions_and_none_included(shape):
    tensor = torch.arange(math.prod(shape), dtype=torch.float32).reshape(shape)
    assert identical(there_and_back(tensor), tensor)


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_nan_and_infinities_arrive(dtype):
    tensor = torch.tensor([math.nan, math.inf, -math.inf, -0.0, 1e-4], dtype=dtype)
    arrived = there_and_back(tensor)
    assert identical(arrived, tensor)
    assert torch.equal(arrived.signbit(), tensor.signbit())


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, 1e308, 5e-324, 0.1])
def test_floats_arrive_exactly(number):
    assert identical(there_and_back(number), number)


@pytest.mark.parametrize("number", [0, -1, True, (1 << 63) - 1, -(1 << 63) + 1])
def test_whole_numbers_and_truth_values_keep_their_type(number):
    assert identical(there_and_back(number), number)


@pytest.mark.parametrize("text", ["", "ü—猫🐈", "a\n\tb", '{"$": "dict"}', "$"])
def test_texts_arrive_as_they_are(text):
    assert there_and_back(text) == text


def test_a_students_texts_lose_what_could_deceive_a_terminal_and_the_graders_arrive_whole():
    text = "a\0b\x1b[31m\u202e\ud800c"
    assert there_and_back(text) == "ab[31mc"
    assert wire.decode(wire.encode(text, layout=True), layout=True) == text


def test_texts_are_cut_to_the_cap():
    assert len(there_and_back("x" * 100_000)) == wire.UNTRUSTED.text


def test_nested_values_arrive_and_tuples_become_lists():
    value = {"a": [1, [None, {"": torch.ones(2)}], {}], "$": "tensor", "items": {"$": {"shape": [1]}}}
    assert identical(there_and_back(value), value)
    assert there_and_back(((1, 2), [])) == [[1, 2], []]


def test_views_arrive_with_the_values_that_they_show():
    base = torch.arange(24.0).reshape(4, 6)
    views = [base.T, base[:, ::2], base[1:, 3], base[0].expand(3, 6), base[2:2]]
    assert identical(there_and_back(views), views)
    assert all(view.is_contiguous() for view in there_and_back(views))


def test_strides_are_kept_where_the_layout_is_asked_for():
    base = torch.arange(24.0).reshape(4, 6)
    views = [base.T, base[:, ::2], base[1:, 3], base[0].expand(3, 6), base.unfold(1, 2, 1), base[2:2], base]
    arrived = there_and_back(views, layout=True)
    assert identical(arrived, views)
    assert [view.stride() for view in arrived] == [view.stride() for view in views]


def test_lazy_conjugates_and_negatives_are_worked_out():
    tensor = torch.tensor([1 + 2j, 3 - 1j])
    arrived = there_and_back([tensor.conj(), tensor.conj().imag])
    assert identical(arrived, [torch.tensor([1 - 2j, 3 + 1j]), torch.tensor([-2.0, 1.0])])


def test_a_tensor_arrives_without_graph_and_tells_that_it_had_one():
    arrived = there_and_back([torch.ones(2, requires_grad=True) * 2, torch.nn.Parameter(torch.ones(2)), torch.ones(2)])
    assert [tensor_codec.sent_grad(tensor) for tensor in arrived] == [True, True, False]
    assert not any(tensor.requires_grad for tensor in arrived)


def test_a_tensor_tells_the_device_that_it_was_sent_from():
    tensor = torch.ones(2)
    tensor.nnkata_device = "elsewhere"
    assert tensor_codec.sent_device(there_and_back(tensor)) == "elsewhere"
    assert tensor_codec.sent_device(there_and_back(torch.ones(2))) == "cpu"


def test_what_arrives_shares_no_memory_with_the_message():
    data = bytearray(wire.encode(torch.ones(4)))
    arrived = wire.decode(data)
    data[-64:] = bytes(64)
    assert torch.equal(arrived, torch.ones(4))


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63) + 1, (1 << 63) - 1)
    | st.floats()
    | st.text(st.characters(exclude_categories=("Cc", "Cf", "Cs", "Co")), max_size=20)
    | st.builds(torch.tensor, st.lists(st.floats(width=32), max_size=4)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@QUICK
@given(values)
def test_plain_data_survives_the_way_there_and_back(value):
    assert identical(there_and_back(value), value)


# -- everything else is named, never carried ------


class Text(str):
    pass


class Loud:
    def __repr__(self):
        raise RuntimeError("no")


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (torch.nn.Linear(1, 1), "torch.nn.modules.linear.Linear"),
        (torch.float32, "torch.dtype"),
        (torch.ones(2).numpy(), "numpy.ndarray"),
        (torch.ones(2).to_sparse(), "torch.Tensor"),
        (torch.empty(2, device="meta"), "torch.Tensor"),
        (torch.zeros(2, dtype=torch.float8_e5m2), "torch.Tensor"),
        (1 << 63, "int"),
        (-(1 << 70), "int"),
        (b"bytes", "bytes"),
        ({1, 2}, "set"),
        ({1: 2}, "dict"),
        (1j, "complex"),
        (print, "builtin_function_or_method"),
        (range(3), "range"),
        (type, "type"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_everything_else_arrives_as_its_name_and_a_short_text(value, name):
    arrived = there_and_back(value)
    assert isinstance(arrived, Opaque)
    assert arrived.type == name and len(arrived.text) <= 200


def test_subclasses_of_plain_types_are_no_plain_data():
    assert there_and_back(Text("x")).type.endswith("Text")
    assert isinstance(there_and_back([torch.Size([2]), {"a": Text("x")}])[0], Opaque)


def test_an_object_whose_repr_raises_arrives_without_text():
    assert there_and_back(Loud()).text == ""


def test_values_beyond_the_limits_are_refused_by_the_writer():
    endless = []
    endless.append(endless)
    small = wire.SizeLimits(header=1000, payload=1000, values=50)
    for value in (endless, [0] * 100, "x" * 2000, torch.zeros(1000)):
        with pytest.raises(WireError):
            wire.encode(value, limits=small)


# -- what is no message ------


@QUICK
@given(st.binary(max_size=300))
def test_random_bytes_are_refused(data):
    with pytest.raises(WireError):
        wire.decode(data)


@QUICK
@given(st.binary(max_size=200))
def test_random_headers_are_refused_or_plain(data):
    refused_or_plain(message(data, bytes(64)))


SAMPLE = wire.encode(
    {"value": [torch.ones(3), torch.tensor(True), "text", 1.5, print], "empty": torch.zeros(0, 2)}, layout=True
)


@QUICK
@given(st.data())
def test_damaged_messages_are_refused_or_plain(data):
    damaged = bytearray(SAMPLE)
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(damaged) - 1))
        if data.draw(st.booleans()):
            damaged[place] = data.draw(st.integers(0, 255))
        elif data.draw(st.booleans()):
            del damaged[place]
        else:
            damaged.insert(place, data.draw(st.sampled_from(b'0123456789[]{},:"$-.e\\')))
    if data.draw(st.booleans()) and len(damaged) > wire.PREFIX.size:  # lengths that fit, so that more is read
        payload = min(64 * 3, len(damaged) - wire.PREFIX.size)
        header = len(damaged) - wire.PREFIX.size - payload
        damaged[: wire.PREFIX.size] = wire.PREFIX.pack(wire.MAGIC, header, payload)
    refused_or_plain(bytes(damaged), layout=data.draw(st.booleans()))


@QUICK
@given(st.integers(0, len(SAMPLE) - 1))
def test_a_message_cut_short_is_refused(length):
    with pytest.raises(WireError):
        wire.decode(SAMPLE[:length])


def test_bytes_after_a_message_are_refused():
    with pytest.raises(WireError):
        wire.decode(SAMPLE + b"x")


hostile = st.one_of(
    st.none(), st.booleans(), st.text(max_size=3), st.floats(), st.integers(-(1 << 70), 1 << 70), st.integers(-3, 130),
    st.lists(st.integers(-2, 5) | st.integers(0, 1 << 41) | st.floats() | st.none() | st.text(max_size=1), max_size=14),
    st.dictionaries(st.sampled_from(["$", "items", "shape"]), st.integers(), max_size=2),
    st.sampled_from([*tensor_codec.DTYPES, "float8", "object", "../x", "cpu", "meta"]),
)  # fmt: skip
fields = st.sampled_from(["$", "dtype", "shape", "offset", "strides", "device", "grad", "type", "text", "items"])


@settings(QUICK, max_examples=400)
@given(st.dictionaries(fields, hostile, max_size=6), st.sampled_from(["tensor", "dict", "other"]), st.booleans())
def test_hostile_descriptions_are_refused_or_plain(changes, kind, layout):
    refused_or_plain(message(described(**{"$": kind, **changes}), bytes(128)), layout=layout)


@settings(QUICK, max_examples=300)
@given(
    st.lists(st.sampled_from([0, 1, 2, 3, 1 << 20, 1 << 39]), max_size=13),
    st.lists(st.sampled_from([0, 1, 2, 1 << 39]), max_size=13),
    st.sampled_from([0, 64, 128]),
)
def test_hostile_strides_are_refused_or_stay_inside_of_the_payload(shape, strides, offset):
    data = message(described(shape=shape, strides=strides, offset=offset), bytes(128))
    value = refused_or_plain(data, layout=True)
    if value is not None and value.numel():
        assert value.untyped_storage().nbytes() <= 128
    with pytest.raises(WireError):
        wire.decode(data)


@pytest.mark.parametrize(
    "header",
    [
        described(shape=[-2]),
        described(shape=[2.0]),
        described(shape=[True]),
        described(shape="2"),
        described(shape=None),
        described(shape=[1] * 13),
        described(shape=[1 << 62]),
        described(shape=[1 << 39] * 12),
        described(shape=[0, *[1 << 39] * 11]),
        described(shape=[17]),
        described(offset=-64),
        described(offset=64),
        described(offset=1),
        described(offset=1 << 39),
        described(offset=0.0),
        described(offset=None),
        described(dtype="float8_e5m2"),
        described(dtype="torch.float32"),
        described(dtype=["float32"]),
        described(dtype=None),
        {"$": "tensor"},
        {"$": "module"},
        {"$": ["dict"]},
        {"$": "dict"},
        {"$": "dict", "items": []},
        {},
        {"a": 1},
        [described(shape=[16]), described(shape=[1])],
        b"",
        b"\xff\xfe",
        b"[1,]",
        b"[1] [2]",
        b"{'a': 1}",
        b"[" * 500_000,
        b'{"$":"dict","items":{"a":' * 20_000,
        b"[" * 900 + b"]" * 900,
        b"1" * 10_000,
        b'{"$":"tensor","dtype":"float32","shape":[1],"offset":' + b"9" * 4_000 + b"}",
        ["[]"] * 20_001,
    ],
    ids=lambda header: repr(header)[:40],
)
def test_what_is_malformed_is_refused(header):
    with pytest.raises(WireError):
        wire.decode(message(header, bytes(64)))


@pytest.mark.parametrize(
    ("header", "layout", "message_part"),
    [
        (described(strides=[1]), False, "strides are not allowed in replies"),
        (described(strides=[1, 1]), True, "description is malformed"),
        (described(shape=[0, 1 << 39, 1 << 39]), False, "shape is out of range"),
        (described(offset=64), False, "outside of the payload"),
        (1 << 63, False, "whole number is out of range"),
    ],
)
def test_a_refusal_says_what_is_wrong(header, layout, message_part):
    with pytest.raises(WireError, match=message_part):
        wire.decode(message(header, bytes(64)), layout=layout)


def test_of_duplicate_keys_one_counts_and_nothing_breaks():
    assert wire.decode(message(b'{"$":"dict","$":"dict","items":{"a":1,"a":2},"items":{"a":3}}')) == {"a": 3}
    with pytest.raises(WireError):
        wire.decode(message(b'{"$":"dict","$":"exec","items":{}}'))


def test_names_and_texts_that_are_no_texts_count_for_nothing():
    for depth in (0, 5, *range(880, 1000)):
        odd = b"[" * depth + b"1" + b"]" * depth
        value = refused_or_plain(message(b'{"$":"other","type":' + odd + b',"text":' + odd + b"}"))
        assert value is None or value == Opaque("object", "")


def test_truth_values_of_any_byte_are_real_truth_values():
    arrived = wire.decode(message(described(dtype="bool", shape=[4]), bytes([0, 1, 2, 255]) + bytes(60)))
    assert arrived.tolist() == [False, True, True, True]
    assert arrived.view(torch.uint8).tolist() == [0, 1, 1, 1]


@pytest.mark.parametrize("header", [b"", b"{"], ids=["sizes alone", "with a beginning"])
def test_huge_announced_lengths_are_refused_at_the_prefix(header):
    limits = wire.UNTRUSTED
    for head, body in ((limits.header + 1, 0), (0, limits.payload + 1), ((1 << 32) - 1, (1 << 64) - 1)):
        data = wire.PREFIX.pack(wire.MAGIC, head, body) + header
        with pytest.raises(WireError):
            wire.decode(data)
        with pytest.raises(WireError):
            wire.receive(Channel(data))


# -- reading from a channel ------


class Channel:
    """Gives what it holds in pieces, as a socket does."""

    def __init__(self, data, piece=7):
        self.data, self.piece = data, piece

    def __call__(self, count):
        count = min(count, self.piece)
        chunk, self.data = self.data[:count], self.data[count:]
        return chunk


def test_a_message_that_comes_in_pieces_is_put_together_and_the_next_is_left():
    channel = Channel(SAMPLE + b"next")
    assert wire.receive(channel) == SAMPLE
    assert channel.data == b"next"


@pytest.mark.parametrize("length", [0, 5, 16, 40])
def test_a_channel_that_closes_early_ends_the_message(length):
    with pytest.raises(EOFError):
        wire.receive(Channel(SAMPLE[:length]))


# -- what reading costs ------

CAP = wire.UNTRUSTED.header


def filled(piece, opening=b"[", closing=b"]"):
    """A list of pieces as long as a header may be."""
    count = (CAP - 2) // (len(piece) + 1)
    return opening + b",".join([piece] * count) + closing


@pytest.mark.parametrize(
    "header",
    [
        filled(b"[]"),
        filled(b"{}"),
        filled(b'{"a":0}'),
        filled(b"9" * 4_200),
        filled(b"1e400"),
        filled(b'"\\u732b"'),
        b'"' + b"x" * (CAP - 2) + b'"',
        b"[" * (CAP // 2) + b"]" * (CAP // 2),
        b'{"$":"other","type":' + filled(b"0") + b"}",
    ],
    ids=["lists", "dicts", "full dicts", "huge ints", "floats", "escapes", "one text", "deep", "a list as a name"],
)
def test_the_largest_headers_take_little_memory_and_time(header):
    data = message(header[:CAP])
    began = time.perf_counter()
    tracemalloc.start()
    try:
        refused_or_plain(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < HEADER_PEAK
    assert time.perf_counter() - began < 10


MEASURE = """
import json, resource, sys
from nnkata.grader.worker import wire
from nnkata.grader.errors import WireError

def tensor(**changes):
    return {"$": "tensor", "dtype": "uint8", "shape": [1 << 20], "offset": 0, **changes}

headers = [
    [tensor()] * 1000,
    [tensor(dtype="bool")] * 1000,
    [tensor(offset=64 * i, shape=[(1 << 20) - 64 * i]) for i in range(1000)],
    tensor(shape=[0, 1 << 39]),
    tensor(shape=[1 << 30, 0, 1 << 30]),
    tensor(shape=[1 << 39]),
    tensor(shape=[1 << 39], strides=[0]),
    tensor(shape=[1 << 20] * 6, strides=[0] * 6),
]
wire.decode(wire.encode([1.0]))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for header in headers:
    text = json.dumps(header).encode()
    data = wire.PREFIX.pack(wire.MAGIC, len(text), 1 << 20) + text + bytes(1 << 20)
    for layout in (False, True):
        try:
            wire.decode(data, layout=layout)
        except WireError:
            pass
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_no_description_of_tensors_takes_more_than_a_few_times_its_message():
    told = subprocess.run([sys.executable, "-c", MEASURE], capture_output=True, text=True, timeout=120, check=True)
    assert int(told.stdout) < 32 << 10  # KiB, for messages of one MiB
