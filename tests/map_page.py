"""What tests do with the map's page: they open it, and find its documents on the canvas."""

from __future__ import annotations

from typing import Any

from map_server import MapServer

# How many pixels differ from the ground, within a rectangle of the canvas given in shares of its sides.
INKED = """([left, top, right, bottom]) => {
  const canvas = document.getElementById("base"), pen = canvas.getContext("2d"), w = canvas.width, h = canvas.height;
  const data = new Uint32Array(pen.getImageData(left * w, top * h, (right - left) * w, (bottom - top) * h).data.buffer);
  const ground = new Uint32Array(pen.getImageData(0, 0, 1, 1).data.buffer)[0];
  return data.reduce((sum, pixel) => sum + (pixel !== ground), 0);
}"""
ALL = [0, 0, 1, 1]


def show(page: Any, server: MapServer, address: str = "/map") -> None:
    """Opens the map, and waits until it is drawn."""
    page.goto(server.url + address)
    page.wait_for_selector("#notice", state="hidden")
    settle(page)


def settle(page: Any) -> None:
    """Waits until what was asked for is drawn, movements included."""
    page.wait_for_timeout(400)


def place(page: Any, server: MapServer, index: int) -> tuple[float, float]:
    """Where a document is on the window while the whole map is shown."""
    area = page.locator("#stage").bounding_box()
    panel = page.locator("#coloured").bounding_box()
    covered = (
        panel["x"] + panel["width"] - area["x"] if panel and panel["x"] < 300 and area["width"] > 700 else 0
    )
    side = min(area["width"] - covered, area["height"]) * 0.96
    x, y = server.points[index] / 65535 - 0.5
    return (
        area["x"] + (area["width"] + covered) / 2 + float(x) * side,
        area["y"] + area["height"] / 2 - float(y) * side,
    )


def lonely(server: MapServer) -> int:
    """The document whose nearest one is farthest away, so that a pointer means it alone."""
    points = server.points.astype(float)
    distances = ((points[:, None] - points[None]) ** 2).sum(axis=2)
    distances[range(len(points)), range(len(points))] = float("inf")
    return int(distances.min(axis=1).argmax())
