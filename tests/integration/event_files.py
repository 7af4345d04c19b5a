"""Reads TensorBoard's event files, without anything of Hawser or TensorFlow.

Framing and checksums as tensorflow/core/lib/io/record_writer.h says, messages
as event.proto and summary.proto do, by their wire format.
"""

import os
import struct

CRC_TABLE = []
for number in range(256):
    for _ in range(8):
        number = number >> 1 ^ (0x82f63b78 if number & 1 else 0)
    CRC_TABLE.append(number)

START = 1  # SessionLog.SessionStatus


def masked_crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc = crc >> 8 ^ CRC_TABLE[(crc ^ byte) & 0xff]
    crc ^= 0xffffffff
    return ((crc >> 15 | crc << 17) + 0xa282ead8) & 0xffffffff


def records(data):
    """The contents of TFRecords; fails at one that is damaged or cut off."""
    at = 0
    while at < len(data):
        length, length_crc = struct.unpack_from("<QI", data, at)
        assert masked_crc32c(data[at:at + 8]) == length_crc, at
        content = data[at + 12:at + 12 + length]
        crc, = struct.unpack_from("<I", data, at + 12 + length)
        assert masked_crc32c(content) == crc, at
        yield content
        at += 16 + length


def varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 0x7f) << shift
        shift += 7
        at += 1
        if data[at - 1] < 0x80:
            return value, at


def fields(data):
    """(number, value) of a message; values of length are bytes."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = varint(data, at)
        elif kind == 1:
            value, = struct.unpack_from("<d", data, at)
            at += 8
        elif kind == 5:
            value, = struct.unpack_from("<f", data, at)
            at += 4
        else:
            assert kind == 2, kind
            length, at = varint(data, at)
            value = data[at:at + length]
            at += length
        yield key >> 3, value


def events(path):
    """Dictionaries of what each event says, in order."""
    with open(path, "rb") as file:
        data = file.read()
    for content in records(data):
        event = {"step": 0, "scalars": {}}
        for number, value in fields(content):
            if number == 1:
                event["time"] = value
            elif number == 2:
                event["step"] = value
            elif number == 3:
                event["version"] = value.decode()
            elif number == 5:
                for _, entry in fields(value):
                    scalar = dict(fields(entry))
                    event["scalars"][scalar[1].decode()] = scalar[2]
            elif number == 7:
                event["session"] = dict(fields(value))[1]
        yield event


def curves(directory):
    """{tag: [(step, value), ...]} of all files, with what a later file voids
    taken away, as TensorBoard does it."""
    found = {}
    for name in sorted(os.listdir(directory)):
        for event in events(f"{directory}/{name}"):
            if event.get("session") == START:
                for tag, points in found.items():
                    found[tag] = [point for point in points
                                  if point[0] < event["step"]]
            for tag, value in event["scalars"].items():
                found.setdefault(tag, []).append((event["step"], value))
    return found
