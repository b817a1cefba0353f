"""The digits that the embedded diffusion model draws, judged by a classifier that it never met."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.multiclass import OneVsRestClassifier
from sklearn.svm import SVC

from tests import warm

COUNT = 250
NONSENSE = 10
"""The judge's eleventh class: what has a digit's strokes and is no digit."""
DRAW = f"""
import sys, numpy, torch
from diffusers import DDIMPipeline
pipeline = DDIMPipeline.from_pretrained("google/ddpm-cifar10-32")
pipeline.set_progress_bar_config(disable=True)
chance = torch.Generator().manual_seed(20)
drawn = pipeline({COUNT}, chance, eta=1.0, num_inference_steps=50, output_type="np").images
numpy.save(sys.argv[1], drawn)
"""


@dataclass
class Judge:
    """Asks of a picture whether it is a zero, a one …, and believes a yes as sure as on real digits.

    It has learnt real digits and nonsense made of them: a classifier that knows digits alone takes the
    mean of all digits for an eight.
    """

    classifier: OneVsRestClassifier
    train: np.ndarray
    """Pixels, (1437, 64), from 0 to 16."""
    test: np.ndarray
    """Pixels, (360, 64)."""
    fakes: np.ndarray
    """Nonsense made of the held-out digits, (440, 64)."""
    accuracy: float
    floor: float
    """The score that 95 % of the real held-out digits reach."""

    def scores(self, pixels: np.ndarray) -> np.ndarray:
        return np.asarray(self.classifier.decision_function(pixels))[:, :NONSENSE]

    def recognised(self, pixels: np.ndarray) -> np.ndarray:
        """Which of the pictures (n, 64) it takes for a digit at all."""
        return self.scores(pixels).max(1) >= self.floor

    def distance(self, pixels: np.ndarray) -> np.ndarray:
        """From each picture to the training digit next to it."""
        return np.linalg.norm(pixels[:, None] - self.train[None], axis=2).min(1)


def nonsense(pixels: np.ndarray, labels: np.ndarray, seed: int) -> np.ndarray:
    """Two digits of different kinds on top of each other, or one above the other; the best that a linear
    model can draw, a Gaussian with the digits' own mean and covariance; noise; digits with their pixels
    shuffled."""
    chance = np.random.default_rng(seed)
    one, other = chance.integers(len(pixels), size=(2, 2 * len(pixels)))
    differ = labels[one] != labels[other]
    one, other = pixels[one[differ]], pixels[other[differ]]
    count = len(pixels) // 3
    blended = (one[:count] + other[:count]) / 2
    joined = np.hstack([one[count : 2 * count, :32], other[count : 2 * count, 32:]])
    linear = chance.multivariate_normal(pixels.mean(0), np.cov(pixels.T), count).clip(0, 16)
    noise = chance.uniform(0, 16, (count // 3, 64))
    shuffled = chance.permuted(pixels[: count // 3], axis=1)
    return np.concatenate([blended, joined, linear, noise, shuffled])


@pytest.fixture(scope="module")
def judge() -> Judge:
    pixels, labels = load_digits(return_X_y=True)
    train, test, train_labels, test_labels = train_test_split(
        pixels, labels, test_size=360, stratify=labels, random_state=0
    )
    fakes = nonsense(train, train_labels, seed=1)
    classifier = OneVsRestClassifier(SVC(gamma=0.001, C=10)).fit(
        np.concatenate([train, fakes]), np.concatenate([train_labels, np.full(len(fakes), NONSENSE)])
    )
    scores = classifier.decision_function(test)[:, :NONSENSE]
    accuracy = float((scores.argmax(1) == test_labels).mean())
    floor = float(np.quantile(scores.max(1), 0.05))
    return Judge(classifier, train, test, nonsense(test, test_labels, seed=2), accuracy, floor)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    """Pictures of the committed weights, through the pipeline that a reader calls: pixels (250, 64)."""
    file: Path = tmp_path_factory.mktemp("drawn") / "drawn.npy"
    result = warm.run(["-c", DRAW, str(file)])
    assert result.returncode == 0, result.stderr
    pixels = np.load(file)
    assert pixels.shape == (COUNT, 8, 8, 1)
    return pixels.reshape(COUNT, 64) * 16


def test_the_judge_knows_digits_from_nonsense(judge: Judge) -> None:
    """Otherwise its praise is worth nothing."""
    assert judge.accuracy >= 0.97
    chance = np.random.default_rng(0)
    noise = chance.uniform(0, 16, (500, 64))
    shuffled = chance.permuted(judge.test, axis=1)
    average = judge.train.mean(0)[None]
    for group in (noise, shuffled, average, np.zeros((1, 64))):
        assert judge.recognised(group).mean() == 0
    assert judge.recognised(judge.fakes).mean() < 0.1


def test_what_it_draws_are_digits_of_all_ten_kinds(judge: Judge, drawn: np.ndarray) -> None:
    recognised = judge.recognised(drawn)
    kinds = np.bincount(judge.scores(drawn)[recognised].argmax(1), minlength=10)
    print(f"{recognised.mean():.3f} recognised, of each kind {kinds.tolist()}")
    assert recognised.mean() >= 0.85
    assert kinds.min() >= 5, "each digit has a fifth of its fair share at least"


def test_it_draws_and_does_not_copy(judge: Judge, drawn: np.ndarray) -> None:
    """Its digits lie about as far from the training digits as new real ones do, and from each other."""
    near, real = np.median(judge.distance(drawn)), np.median(judge.distance(judge.test))
    print(f"next training digit: {near:.1f} from a drawn one, {real:.1f} from a held-out one")
    assert near >= 0.85 * real
    assert np.unique(drawn.round(), axis=0).shape[0] == COUNT
