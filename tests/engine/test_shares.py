"""Wilson's interval against published and computed values."""

import pytest

from engine.shares import wilson


@pytest.mark.parametrize(
    ("count", "total", "low", "high"),
    [  # Newcombe 1998, 10.1002/(SICI)1097-0258(19980430)17:8<857::AID-SIM777>3.0.CO;2-E, table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_published_intervals(count, total, low, high):
    assert wilson(count, total) == pytest.approx((low, high), abs=6e-5)


def test_it_holds_the_share_and_stays_within_nought_and_one():
    for total in range(1, 40):
        for count in range(total + 1):
            low, high = wilson(count, total)
            assert 0 <= low <= count / total <= high <= 1


def test_nobody_says_nothing_and_an_impossible_share_is_refused():
    assert wilson(0, 0) == (0.0, 1.0)
    with pytest.raises(ValueError):
        wilson(3, 2)


@pytest.mark.parametrize("counts", [(1.5, 2), (1, 2.5), (-1, 2), (3, 2), (float("nan"), 2), (1, float("inf"))])
def test_what_is_no_number_of_people_is_refused(counts):
    with pytest.raises(ValueError, match="is no share"):
        wilson(*counts)


@pytest.mark.parametrize("confidence", [0, 1, 1.5, -0.5, float("nan")])
def test_what_is_no_confidence_is_refused(confidence):
    with pytest.raises(ValueError, match="is no confidence between 0 and 1"):
        wilson(1, 2, confidence)
