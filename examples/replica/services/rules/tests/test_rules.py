import pytest

from torpor import Fault


async def test_hours(start):
    rules = await start()
    assert await rules.opens("mon") == 8


async def test_a_closed_day_is_404(start):
    rules = await start()
    with pytest.raises(Fault, match="closed on sun"):
        await rules.opens("sun")
