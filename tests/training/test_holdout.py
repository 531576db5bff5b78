"""The held-out items: the same ones for ever."""

from worker.training.products import held_out


def skus(count: int) -> list[str]:
    return [str(number) for number in range(count)]


def test_the_choice_is_fixed_for_ever() -> None:
    """Another choice would show models of today photos that those of tomorrow are judged by."""
    chosen = [number for number in range(1, 60) if held_out([str(number)], 0.15)[0]]
    assert chosen == [2, 6, 17, 18, 29, 47, 50, 55, 56]


def test_the_share_is_about_right_and_grows_by_adding() -> None:
    ids = skus(20_000)
    small, large = held_out(ids, 0.1), held_out(ids, 0.2)
    assert 0.09 < small.mean() < 0.11
    assert 0.19 < large.mean() < 0.21
    assert not (small & ~large).any()


def test_an_item_is_judged_by_its_own_id_alone() -> None:
    ids = skus(300)
    assert held_out(ids[::-1], 0.3).tolist() == held_out(ids, 0.3)[::-1].tolist()


def test_nothing_and_everything() -> None:
    assert not held_out(skus(50), 0).any()
    assert held_out(skus(50), 1).all()
