"""Drawing sequences at random."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seqtool.decode import sampling_kernels as kernels
from seqtool.decode.candidates import banned_ids, no_candidate
from seqtool.decode.types import Ids, Logits, Rows, State, StepModel
from seqtool.errors import SeqtoolError


@dataclass(frozen=True)
class SamplingOptions:
    """How the next id is chosen. In this order, which is that of llama.cpp:

    Attributes:
        repetition_penalty: the logits of the last 64 ids are divided by it if positive, else
            multiplied by it (Keskar et al. 2019, "CTRL", section 4.1); 1 changes nothing.
        top_k: only so many of the most probable ids; 0 for all.
        top_p: only the fewest ids whose probabilities make up so much (Holtzman et al. 2020,
            "The curious case of neural text degeneration", section 3.1); 1 for all.
        min_p: only ids at least so many times as probable as the best (Nguyen et al. 2024,
            "Turning up the heat"); 0 for all.
        temperature: what logits are divided by; 0 takes the most probable id.
        banned: ids that are never chosen.
        seed: of the random numbers.

    Raises SeqtoolError for values that make no sense.
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    banned: Sequence[int] = ()
    seed: int = 1

    def __post_init__(self) -> None:
        checks = [
            (0 <= self.temperature < np.inf, "temperature", "at least 0", self.temperature),
            (self.top_k >= 0, "top-k", "at least 0", self.top_k),
            (0 < self.top_p <= 1, "top-p", "above 0 and at most 1", self.top_p),
            (0 <= self.min_p <= 1, "min-p", "from 0 to 1", self.min_p),
            (
                0 < self.repetition_penalty < np.inf,
                "the repetition penalty",
                "above 0",
                self.repetition_penalty,
            ),
            (self.seed >= 0, "the seed", "at least 0", self.seed),
        ]
        for fine, name, what, value in checks:
            if not fine:
                raise SeqtoolError(f"{name} is {value}, but must be {what}")


class Sampler:
    """Chooses the next id of each of several sequences, and remembers what it chose.

    Sequence i draws from the stream of random numbers ``streams[i]`` of the seed, so what is
    drawn for it does not depend on the other sequences. The arrays are those that
    `sampling_kernels.choose` takes, for kernels that sample by themselves: ``settings``,
    ``banned``, ``recent`` (streams, RECENT), ``random`` (streams, 4), ``ids`` and ``work``.
    """

    def __init__(self, options: SamplingOptions, vocab_size: int, streams: Sequence[int]) -> None:
        self.vocab_size = vocab_size
        self.settings = np.zeros(kernels.SETTINGS)
        self.settings[kernels.TEMPERATURE] = options.temperature
        self.settings[kernels.TOP_K] = min(options.top_k, vocab_size)
        self.settings[kernels.TOP_P] = options.top_p
        self.settings[kernels.MIN_P] = options.min_p
        self.settings[kernels.REPETITION_PENALTY] = options.repetition_penalty
        self.banned = banned_ids(options.banned, vocab_size)
        self.recent = np.full((len(streams), kernels.RECENT), -1, np.int32)
        self.recent[:, kernels.WINDOW] = 0
        self.random = np.array([random_state(options.seed, stream) for stream in streams])
        self.ids = np.empty(vocab_size, np.int32)
        self.work = np.empty(3 * max(vocab_size, kernels.SCRATCH))

    def read(self, ids: Ids) -> None:
        """Let ids that all sequences begin with, a prompt, count for the repetition penalty."""
        for number in ids[-kernels.WINDOW :].tolist():
            for recent in self.recent:
                kernels.remember(recent, number)

    def select(self, rows: Rows) -> None:
        """Go on with the sequences ``rows`` only."""
        self.recent, self.random = self.recent[rows], self.random[rows]

    def choose(self, logits: Logits) -> Ids:
        """The next ids, int32 (streams,), for float32 (streams, vocab_size) logits.

        Raises SeqtoolError where no id has a finite logit.
        """
        chosen = np.empty(len(self.recent), np.int32)
        kernels.choose_rows(
            logits.astype(np.float32).reshape(-1), self.vocab_size, self.settings, self.banned,
            self.recent.reshape(-1), self.random.reshape(-1), self.ids, self.work, chosen,
        )  # fmt: skip
        if (chosen == kernels.NOTHING).any():
            raise no_candidate()
        return chosen


def random_state(seed: int, stream: int) -> npt.NDArray[np.int64]:
    """The state of `xoshiro`, int64 (4,), at which a stream of a seed begins.

    numpy's SeedSequence makes it from both numbers; other streams share no part of it, up to
    chance.
    """
    words = np.random.SeedSequence(seed, spawn_key=(stream,)).generate_state(4, np.uint32)
    return words.astype(np.int64)


def sample(model: StepModel[State], state: State, first: Ids, sampler: Sampler) -> Iterator[Ids]:
    """Draw one id after another, without end: each step gives int32 (rows,).

    ``state`` has a row for each stream of the sampler; ``first``, int32 (rows,), is read first.
    """
    current = np.asarray(first, np.int32)
    while True:
        logits, state = model.step(current, state)
        current = sampler.choose(logits)
        yield current
