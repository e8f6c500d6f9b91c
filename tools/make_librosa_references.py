"""Write tests/data/librosa_references.npz: features of a few frames, as librosa computes them.

Needs librosa (0.11 made the stored file), which nothing else here does:

    pip install librosa && python tools/make_librosa_references.py
"""

from pathlib import Path
from typing import Any

import librosa
import numpy as np

TARGET = Path(__file__).parent.parent / "tests" / "data" / "librosa_references.npz"

# name: rate, window, hop, length of the transform, mel filters, lowest and highest Hz, coefficients
CASES = {
    "speech": (16000, 400, 160, 512, 40, 20.0, 8000.0, 13),
    "librosa": (22050, 2048, 512, 2048, 24, 0.0, 11025.0, 20),
    "telephone": (8000, 200, 80, 256, 30, 50.0, 3800.0, 13),
}
FRAMES = 6


def sound(count: int, rate: int) -> Any:
    """A rising tone in noise, with a silent stretch."""
    seconds = np.arange(count) / rate
    noise = np.random.default_rng(1).normal(0, 0.05, count)
    samples = 0.3 * np.sin(2 * np.pi * (200 * seconds + 5000 * seconds**2)) + noise
    samples[count // 2 : count // 2 + 300] = 0
    return samples.astype(np.float32)


def main() -> None:
    """Compute and write all cases."""
    stored: dict[str, Any] = {}
    for name, case in CASES.items():
        rate, window, hop, size, mels, lowest, highest, coefficients = case
        samples = sound(size + (FRAMES - 1) * hop, rate)
        energies = librosa.feature.melspectrogram(
            y=samples, sr=rate, n_fft=size, hop_length=hop, win_length=window, center=False,
            n_mels=mels, fmin=lowest, fmax=highest, power=2, htk=False, norm="slaney",
        )  # fmt: skip
        cepstrum = librosa.feature.mfcc(
            S=librosa.power_to_db(energies, top_db=None), n_mfcc=coefficients
        )
        stored[f"{name}/settings"] = np.array(case, np.float64)
        stored[f"{name}/samples"] = samples
        stored[f"{name}/mel"] = energies.T
        stored[f"{name}/mfcc"] = cepstrum.T
        stored[f"{name}/delta"] = librosa.feature.delta(cepstrum, width=5, mode="nearest").T
    np.savez_compressed(TARGET, **stored)


if __name__ == "__main__":
    main()
