"""What lies around the heart in a short-axis image: chest wall, lung, liver, spine, vessels.

Coordinates are the heart's in the image plane: ``x`` from the septum to the lateral wall, ``y`` from the anterior to
the inferior wall, in mm. The chest wall is then on the left, lung above, liver and stomach below, the spine to the
right.
"""

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from scarnet.phantom.contrast import Contrast
from scarnet.phantom.texture import smooth_field, soften

__all__ = ["Torso"]

Array = npt.NDArray[np.floating]


@dataclass
class Torso:
    """The surroundings of one phantom; every slice is drawn from it with its own height.

    Parameters
    ----------
    rng : Generator
        Source of randomness for the layout.
    heart_mm : float
        Outer radius of the left ventricle, to keep the chest wall clear of the heart.
    """

    rng: np.random.Generator
    heart_mm: float
    layout: dict[str, float] = field(init=False)
    vessels: npt.NDArray[np.floating] = field(init=False)
    liver_vessels: npt.NDArray[np.floating] = field(init=False)

    def __post_init__(self) -> None:
        """Draw sizes and places."""
        r, u = self.heart_mm, self.rng.uniform
        front, back = -(r + u(38, 62)), r + u(95, 150)
        top, bottom = -(r + u(80, 130)), r + u(130, 210)
        self.layout = {
            "cx": (front + back) / 2,
            "cy": (top + bottom) / 2,
            "ax": (back - front) / 2,
            "ay": (bottom - top) / 2,
            "power": u(2.2, 3.2),
            "tilt": math.radians(u(-14, 14)),
            "fat": u(6, 26),
            "muscle": u(7, 15),
            "ribs": u(13, 19),
            "rib_phase": u(0, 2 * np.pi),
            "dome": r + u(-6, 10),
            "dome_slope": u(-0.15, 0.25),
            "dome_curve": u(0.001, 0.004),
            "stomach_x": u(15, 60),
            "stomach_y": r + u(28, 60),
            "stomach_r": u(16, 34),
            "stomach_t1": u(-0.6, 1.2),
            "spine_x": back - u(28, 42),
            "spine_y": u(30, 75),
            "spine_r": u(15, 20),
            "aorta_r": u(9, 14),
            "aorta_angle": u(2.2, 4.0),
            "kidney": float(self.rng.random() < 0.4),
            "kidney_x": back - u(28, 50),
            "kidney_y": bottom - u(35, 70),
            "spleen_x": back - u(20, 45),
            "spleen_y": r + u(15, 50),
            "spleen_a": u(14, 30),
            "spleen_b": u(22, 42),
            "mediastinum": u(0.0, 26.0),
            "lung_bright": u(0.6, 1.6),
        }
        n = int(self.rng.integers(15, 60))
        self.vessels = np.stack(
            [u(-80, 130, n), u(-130, 40, n), np.exp(self.rng.normal(0.35, 0.4, n)), u(0.4, 1.0, n), u(0, 60, n)], axis=1
        )
        n = int(self.rng.integers(8, 22))
        self.liver_vessels = np.stack(
            [u(-90, 60, n), u(r, r + 130, n), u(1.5, 4.5, n), u(1.5, 12, n), u(0, np.pi, n), u(0, 60, n)], axis=1
        )

    def draw(
        self,
        x: Array,
        y: Array,
        z: float,
        contrast: Contrast,
        texture: float,
        pixel_mm: float,
        seed: np.random.Generator,
    ) -> Array:
        """Give the signed signal around the heart.

        Parameters
        ----------
        x, y : ndarray, shape (Y, X)
            Coordinates in mm.
        z : float
            Height of the slice in mm from base to apex.
        contrast : Contrast
            Times and T1.
        texture : float
            Strength of the variation inside tissues.
        pixel_mm : float
            Width over which borders are shared between tissues.
        seed : Generator
            Source of randomness for this slice's texture.

        Returns
        -------
        ndarray, shape (Y, X)
            Signal as a fraction of the equilibrium magnetisation.
        """
        p = self.layout
        shape = (x.shape[0], x.shape[1])

        def field_of(mm: float) -> Array:
            return smooth_field(seed, shape, mm / pixel_mm)

        bump, warp, warp_y = field_of(9), field_of(45), field_of(45)
        fine = 0.6 * field_of(4) + 0.4 * field_of(2)
        warped = x + 4.0 * warp + 0.5 * bump, y + 4.0 * warp_y - 0.5 * bump
        canvas = _Canvas(*warped, contrast, texture, pixel_mm * 1.2)
        angle, skin = self._outline(canvas)
        # Thicker fat at the back and side than over the sternum.
        fat = p["fat"] * (0.75 + 0.35 * np.cos(angle - 0.9) + 0.2 * np.sin(2 * angle + p["rib_phase"]))
        inside = skin - fat
        canvas.put(canvas.edge(skin), "fat", 0.04 * bump + 0.03 * fine + 0.05 * warp_y)
        canvas.put(canvas.edge(inside), "muscle", 0.06 * bump + 0.04 * fine)
        canvas.put(soften(1.1 * bump + 0.5 * fine - 1.0, 0.5) * canvas.edge(inside), "fat", 0.1 * fine)
        between = p["muscle"] * (1 + 0.25 * warp)
        # Ribs cross the slice obliquely: few, of unlike size, with dark cortex around grey marrow.
        turn = angle * p["ribs"] + p["rib_phase"] + 0.1 * z
        rib = 3.2 * np.cos(turn) + 2.2 * np.cos(0.37 * turn + 1.0) - np.abs(inside - 0.6 * between)
        canvas.put(canvas.edge(rib + 1.5), "bone", 0.4)
        canvas.put(0.8 * canvas.edge(rib), "fat", 0.25 + 0.2 * bump)
        cavity = canvas.edge(inside - between)
        lung = contrast.signal("lung", texture * (0.12 * bump + 0.16 * fine)) * p["lung_bright"]
        canvas.blend(cavity, lung + 0.004 * texture * (bump + fine))
        for vx, vy, radius, bright, height in self.vessels.tolist():
            window = bright * math.exp(-(((z - height) / 22.0) ** 2))
            if window > 0.1:
                spot = np.exp(-((canvas.x - vx) ** 2 + (canvas.y - vy) ** 2) / (2 * radius**2))
                canvas.put(cavity * spot * window, "blood")
        self._abdomen(canvas, z, cavity, bump, fine, warp)
        self._back(canvas, cavity, bump, fine)
        return canvas.image

    def _outline(self, canvas: "_Canvas") -> tuple[Array, Array]:
        p = self.layout
        c, s = math.cos(p["tilt"]), math.sin(p["tilt"])
        x, y = canvas.x - p["cx"], canvas.y - p["cy"]
        bx, by = x * c + y * s, y * c - x * s
        rho = (np.abs(bx / p["ax"]) ** p["power"] + np.abs(by / p["ay"]) ** p["power"]) ** (1 / p["power"])
        return np.arctan2(by, bx), (1.0 - rho) * min(p["ax"], p["ay"])

    def _abdomen(self, canvas: "_Canvas", z: float, cavity: Array, bump: Array, fine: Array, warp: Array) -> None:
        p, x, y = self.layout, canvas.x, canvas.y
        # Fat between sternum and heart.
        front = p["mediastinum"] - np.hypot(x + self.heart_mm + 38, 0.55 * (y + 5)) + 12
        canvas.put(cavity * canvas.edge(front), "fat", 0.1 * bump + 0.05 * fine)
        dome = p["dome"] - 0.1 * z + p["dome_slope"] * (x - 10) + p["dome_curve"] * (x - 10) ** 2
        below = cavity * canvas.edge(y - dome)
        canvas.put(below, "liver", 0.02 * bump + 0.02 * fine + 0.04 * warp)
        for vx, vy, a, b, turn, height in self.liver_vessels.tolist():
            if abs(z - height) < 20:
                inside = canvas.ellipse(vx, vy, a, b, turn) / min(a, b)
                canvas.put(0.7 * below * np.exp(-((1.0 - inside) ** 2)), "blood", -0.05)
        mesentery = cavity * canvas.edge(x + 0.35 * y - 42) * soften(y - 12 - 0.2 * self.heart_mm, 2 * canvas.width)
        canvas.put(mesentery, "fat", 0.12 * bump + 0.06 * fine)
        bowel = soften(bump + 0.5 * fine + 0.6 * warp, 1.2)
        canvas.put(0.85 * mesentery * bowel, "muscle", 0.1 * fine)
        stomach = canvas.ellipse(p["stomach_x"], p["stomach_y"], p["stomach_r"], 0.8 * p["stomach_r"], 0.5)
        canvas.put(canvas.edge(stomach + 3), "muscle", -0.2)
        canvas.put(canvas.edge(stomach + 4 * bump), "stomach", p["stomach_t1"] + 0.5 * bump + 0.3 * fine)

    def _back(self, canvas: "_Canvas", cavity: Array, bump: Array, fine: Array) -> None:
        p = self.layout
        spleen = canvas.ellipse(p["spleen_x"], p["spleen_y"], p["spleen_a"], p["spleen_b"], 0.4)
        canvas.put(cavity * canvas.edge(spleen), "spleen", 0.025 * fine + 0.02 * bump)
        if p["kidney"]:
            kidney = canvas.ellipse(p["kidney_x"], p["kidney_y"], 19, 30, 0.3)
            canvas.put(canvas.edge(kidney + 5), "fat", 0.08 * bump)
            canvas.put(canvas.edge(kidney), "kidney", 0.1 * fine)
            canvas.put(canvas.edge(kidney - 9 + 2 * bump), "muscle", 0.1 * fine)
        spine = canvas.ellipse(p["spine_x"], p["spine_y"], p["spine_r"], 0.85 * p["spine_r"])
        canvas.put(canvas.edge(spine + 2), "bone", 0.8)
        canvas.put(canvas.edge(spine), "disc", 0.12 * bump + 0.1 * fine)
        away, turn = p["spine_r"] + p["aorta_r"] + 3, p["aorta_angle"]
        centre = p["spine_x"] + away * math.cos(turn), p["spine_y"] + away * math.sin(turn)
        aorta = canvas.ellipse(*centre, p["aorta_r"], p["aorta_r"])
        canvas.put(canvas.edge(aorta + 2), "muscle", -0.1)
        canvas.put(canvas.edge(aorta), "blood", 0.03 * fine)


class _Canvas:
    """An image that tissues are laid on, one over the other."""

    def __init__(self, x: Array, y: Array, contrast: Contrast, texture: float, width: float) -> None:
        self.x, self.y, self.width = x, y, width
        self.image: Array = np.zeros(x.shape, dtype=np.float32)
        self._contrast, self._texture = contrast, texture

    def put(self, membership: Array, tissue: str, variation: Array | float = 0.0) -> None:
        """Lay a tissue on; ``variation`` is relative, of its T1."""
        self.blend(membership, self._contrast.signal(tissue, self._texture * variation))

    def blend(self, membership: Array, signal: Array) -> None:
        """Lay a signal on."""
        self.image = np.asarray(self.image + membership * (signal - self.image), dtype=np.float32)

    def edge(self, distance: Array) -> Array:
        """Turn a signed distance in mm into a membership with a border of about a pixel."""
        return soften(distance, self.width)

    def ellipse(self, cx: float, cy: float, a: float, b: float, turn: float = 0.0) -> Array:
        """Give about the distance in mm inside an ellipse."""
        c, s = math.cos(turn), math.sin(turn)
        x, y = self.x - cx, self.y - cy
        return (1.0 - np.hypot((x * c + y * s) / a, (y * c - x * s) / b)) * min(a, b)
