"""Threads over independent pieces of work. Kernels release the GIL, so threads are enough."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def for_each(
    items: Iterable[T], make_worker: Callable[[], Callable[[T], None]], threads: int
) -> None:
    """Call a worker for every item, in ``threads`` threads; the calling thread is one of them.

    Each thread calls ``make_worker`` once, so a worker may own its scratch memory. Items are
    taken in order. The first exception stops all threads and is raised here.
    """
    queue: Iterator[T] = iter(items)
    lock = threading.Lock()
    failures: list[BaseException] = []

    def take() -> tuple[bool, T | None]:
        with lock:
            for item in queue:
                return True, item
        return False, None

    def work() -> None:
        try:
            worker = make_worker()
            while not failures:
                more, item = take()
                if not more:
                    return
                worker(item)  # type: ignore[arg-type]
        except BaseException as error:
            failures.append(error)

    helpers = [threading.Thread(target=work, daemon=True) for _ in range(threads - 1)]
    for thread in helpers:
        thread.start()
    work()
    try:
        for thread in helpers:
            thread.join()
    except BaseException as error:  # an interrupt: the threads must not go on
        failures.append(error)
        raise
    if failures:
        raise failures[0]
