"""An ONNX model of any size whose weights lie in a file of their own, written without the onnx package."""
import os


def varint(number):
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def count(field, number):
    return varint(field << 3) + varint(number)


def part(field, content):
    content = content.encode() if isinstance(content, str) else content
    return varint(field << 3 | 2) + varint(len(content)) + content


def value(name, *dimensions):
    shape = b"".join(part(1, count(1, each) if isinstance(each, int) else part(2, each)) for each in dimensions)
    return part(1, name) + part(2, part(1, count(1, 1) + part(2, shape)))


def write(folder, side):
    """y = x · w with a w of side × side floats, random: what is pushed is then its own. Gives the files."""
    place = {"location": "weights.bin", "offset": "0", "length": str(side * side * 4)}
    outside = b"".join(part(13, part(1, key) + part(2, text)) for key, text in place.items())
    weights = count(1, side) + count(1, side) + count(2, 1) + part(8, "w") + outside + count(14, 1)
    product = part(1, "x") + part(1, "w") + part(2, "y") + part(4, "MatMul")
    graph = part(1, product) + part(2, "g") + part(5, weights) + part(11, value("x", "n", side)) + part(12, value("y", "n", side))
    files = [os.path.join(folder, name) for name in ("model.onnx", "weights.bin")]
    with open(files[0], "wb") as out:
        out.write(count(1, 8) + part(8, part(1, "") + count(2, 17)) + part(7, graph))
    with open(files[1], "wb") as out:
        for _ in range(side):
            out.write(os.urandom(side * 4))
        os.fsync(out.fileno())
    return files
