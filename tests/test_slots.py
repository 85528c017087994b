"""Places are capped, handed on in order, never lost, and failing components can't take them all."""

import asyncio
import random

import pytest

from exporter.slots import FIRST_COME, Line, Rank, Slots


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


class Holder:
    """Takes a place and holds it until told."""

    def __init__(self, slots: Slots, *, failing: bool = False, rank: Rank = (True, 1.0)) -> None:
        self.inside = False
        self.waited = -1.0
        self.leave = asyncio.Event()
        self.task = asyncio.create_task(self._hold(slots, failing, rank))

    async def _hold(self, slots: Slots, failing: bool, rank: Rank) -> None:
        async with slots.one(failing=failing, rank=rank) as self.waited:
            self.inside = True
            await self.leave.wait()


def inside(holders: list[Holder]) -> list[bool]:
    return [holder.inside for holder in holders]


async def end(*holders: Holder) -> None:
    for holder in holders:
        holder.leave.set()
    await asyncio.gather(*(holder.task for holder in holders), return_exceptions=True)


def test_no_more_than_total_hold_a_place_and_the_next_in_line_follows() -> None:
    async def story() -> None:
        slots = Slots(2)
        holders = [Holder(slots) for _ in range(4)]
        await settle()
        assert inside(holders) == [True, True, False, False]
        await end(holders[1])
        await settle()
        assert inside(holders) == [True, True, True, False]
        await end(*holders)

    asyncio.run(story())


def test_failing_components_leave_a_fifth_to_the_others() -> None:
    async def story() -> None:
        slots = Slots(10)
        failing = [Holder(slots, failing=True) for _ in range(20)]
        await settle()
        assert sum(inside(failing)) == 8
        well = [Holder(slots) for _ in range(3)]
        await settle()
        assert inside(well) == [True, True, False]
        await end(failing[0])  # the place goes to who is well, though twelve failing ones have waited longer
        await settle()
        assert inside(well) == [True, True, True]
        assert sum(inside(failing)) == 8
        await end(*failing, *well)

    asyncio.run(story())


def test_a_single_place_is_for_failing_components_too() -> None:
    async def story() -> None:
        holder = Holder(Slots(1), failing=True)
        await settle()
        assert holder.inside
        await end(holder)

    asyncio.run(story())


@pytest.mark.parametrize("failing", [False, True])
def test_a_place_that_was_handed_to_a_cancelled_waiter_goes_on_to_the_next(failing: bool) -> None:
    async def story() -> None:
        slots = Slots(1)
        first, second, third = (Holder(slots, failing=failing) for _ in range(3))
        await settle()
        first.leave.set()
        while not first.task.done():
            await asyncio.sleep(0)
        second.task.cancel()  # its turn has come, but it has not run yet
        await settle()
        assert (second.inside, third.inside) == (False, True)
        await end(first, second, third)

    asyncio.run(story())


def test_a_waiter_that_is_cancelled_leaves_the_queue() -> None:
    async def story() -> None:
        slots = Slots(1)
        first, second, third = (Holder(slots) for _ in range(3))
        await settle()
        second.task.cancel()
        await settle()
        await end(first)
        await settle()
        assert (second.inside, third.inside) == (False, True)
        await end(second, third)

    asyncio.run(story())


def test_a_lower_limit_holds_once_places_come_back_and_a_higher_one_at_once() -> None:
    async def story() -> None:
        slots = Slots(4)
        holders = [Holder(slots) for _ in range(7)]
        await settle()
        slots.limit(2)
        await end(*holders[:2])
        await settle()
        assert inside(holders[2:]) == [True, True, False, False, False]
        slots.limit(4)
        await settle()
        assert inside(holders[2:]) == [True, True, True, True, False]
        await end(*holders)

    asyncio.run(story())


async def order(failing: bool, ranks: list[Rank]) -> list[int]:
    """Which of those that come with these ranks, one after the other, go first when there is one place."""
    slots = Slots(1)
    holder = Holder(slots, failing=failing)
    await settle()
    waiting = [Holder(slots, failing=failing, rank=rank) for rank in ranks]
    await settle()
    called: list[int] = []
    while len(called) < len(ranks):
        await end(holder)
        await settle()
        (number,) = [i for i, each in enumerate(waiting) if each.inside and i not in called]
        called.append(number)
        holder = waiting[number]
    await end(*waiting)
    return called


@pytest.mark.parametrize("failing", [False, True])
def test_the_critical_go_first_then_the_frequent_then_the_first(failing: bool) -> None:
    assert asyncio.run(order(failing, [(True, 9.0), (True, 1.0), (False, 60.0)])) == [2, 1, 0]
    assert asyncio.run(order(failing, [(True, 1.0), (True, 1.0), (True, 1.0)])) == [0, 1, 2]


def test_who_is_well_goes_before_whoever_is_not_of_any_rank() -> None:
    async def story() -> None:
        slots = Slots(1)
        first = Holder(slots)
        await settle()
        failing = Holder(slots, failing=True, rank=(False, 0.1))
        await settle()
        well = Holder(slots, rank=(True, 3600.0))
        await settle()
        await end(first)
        await settle()
        assert (failing.inside, well.inside) == (False, True)
        assert first.waited == 0 < well.waited
        await end(failing, well)

    asyncio.run(story())


def test_nobody_waits_for_ever_behind_those_of_a_better_rank() -> None:
    frequent: list[Rank] = [(False, 1.0)] * 20
    assert asyncio.run(order(True, [(True, 60.0), *frequent])).index(0) == FIRST_COME - 1


def test_who_fails_does_not_wait_for_ever_behind_those_that_are_well() -> None:
    async def story() -> None:
        slots = Slots(1)
        holding = Holder(slots)
        await settle()
        failing = Holder(slots, failing=True)
        well = [Holder(slots) for _ in range(2 * FIRST_COME)]
        await settle()
        handed = 0
        while not failing.inside:
            await end(holding)
            await settle()
            holding = next(one for one in (failing, *well) if one.inside and not one.leave.is_set())
            handed += 1
        assert handed <= FIRST_COME
        await end(failing, *well)

    asyncio.run(story())


def test_a_line_does_not_remember_those_that_have_gone() -> None:
    line = Line()

    async def story() -> None:
        loop = asyncio.get_running_loop()
        for _ in range(1000):
            turn = loop.create_future()
            line.join(turn, (True, 60.0))
            line.leave(turn)
        assert len(line) == 0
        assert len(line._ranked) < 50

    asyncio.run(story())


def test_under_random_use_the_caps_hold_and_no_place_is_lost() -> None:
    async def story() -> None:
        chance = random.Random(7)
        slots = Slots(5)
        now = {False: 0, True: 0}
        most = {"all": 0, "failing": 0}

        async def use(failing: bool) -> None:
            async with slots.one(failing=failing, rank=(chance.random() < 0.5, chance.random())):
                now[failing] += 1
                most["all"] = max(most["all"], sum(now.values()))
                most["failing"] = max(most["failing"], now[True])
                try:
                    for _ in range(chance.randrange(6)):
                        await asyncio.sleep(0)
                finally:
                    now[failing] -= 1

        tasks = []
        for _ in range(3000):
            tasks.append(asyncio.create_task(use(chance.random() < 0.7)))
            if chance.random() < 0.3:
                chance.choice(tasks).cancel()
            if chance.random() < 0.3:
                await asyncio.sleep(0)
        await asyncio.gather(*tasks, return_exceptions=True)
        assert most == {"all": 5, "failing": 4}
        holders = [Holder(slots) for _ in range(6)]
        await settle()
        assert inside(holders) == [True] * 5 + [False]
        await end(*holders)

    asyncio.run(story())
