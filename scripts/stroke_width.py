"""How much of the stroke width of MNIST digits a 2-d code tells.

    diffrep encode RUN --split test --out codes.csv
    python3 scripts/stroke_width.py codes.csv t10k-images-idx3-ubyte.gz

Stroke width of an image: twice the area of its ink (pixels of at least 128) over the length of its outline, which for a
long line is its width. Printed is R² of a polynomial of second degree of the code, fitted by least squares to the first
half of the images and measured on the second. No packages are needed.
"""
import csv
import gzip
import struct
import sys


def widths(path):
    data = gzip.open(path).read()
    _, count, height, width = struct.unpack(">4I", data[:16])
    for image in range(count):
        pixels = data[16 + image * height * width:][: height * width]
        ink = [[pixels[y * width + x] >= 128 for x in range(width)] for y in range(height)]
        area = sum(map(sum, ink))
        across = sum(row[x] != row[x + 1] for row in ink for x in range(width - 1))
        down = sum(a != b for upper, lower in zip(ink, ink[1:]) for a, b in zip(upper, lower))
        yield 2 * area / max(across + down, 1)


def solve(a, b):
    """Gaussian elimination with pivoting."""
    n = len(b)
    rows = [row[:] + [value] for row, value in zip(a, b)]
    for i in range(n):
        pivot = max(range(i, n), key=lambda k: abs(rows[k][i]))
        rows[i], rows[pivot] = rows[pivot], rows[i]
        for k in range(n):
            if k != i:
                factor = rows[k][i] / rows[i][i]
                rows[k] = [x - factor * y for x, y in zip(rows[k], rows[i])]
    return [rows[i][n] / rows[i][i] for i in range(n)]


codes = [tuple(map(float, row[2:])) for row in list(csv.reader(open(sys.argv[1])))[1:]]
target = list(widths(sys.argv[2]))
features = [[1, a, b, a * a, a * b, b * b] for a, b in codes]
half = len(codes) // 2
gram = [[sum(f[i] * f[j] for f in features[:half]) for j in range(6)] for i in range(6)]
right = [sum(f[i] * y for f, y in zip(features[:half], target)) for i in range(6)]
weights = solve(gram, right)
test = list(zip(features[half:], target[half:]))
mean = sum(y for _, y in test) / len(test)
error = sum((y - sum(w * v for w, v in zip(weights, f))) ** 2 for f, y in test)
print(f"R² of the stroke width: {1 - error / sum((y - mean) ** 2 for _, y in test):.3f}")
