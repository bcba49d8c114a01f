import pytest

from torpor import Fault, log


async def test_status_identifies_the_board_and_shows_its_state(start, clock):
    device = await start()
    await clock.advance(seconds=90)
    status = await device.status()
    assert status["cluster"] == "fridge-monitor"
    assert status["board"] == "shed"
    assert status["uptime"] == 90
    assert status["clock"] == clock.now()
    assert status["heap"]["free"] > 0
    assert status["failed"] == {}


async def test_the_last_lines_of_the_log(start, client):
    await start()
    for number in range(3):
        log.write(log.INFO, "test", "line %d" % number)
    lines = (await client.get("/log?lines=2")).json()
    assert [line.split(": ")[1] for line in lines] == ["line 1", "line 2"]


@pytest.mark.parametrize("lines", [0, -3, 101])
async def test_too_many_or_no_lines_return_400(start, lines):
    device = await start()
    with pytest.raises(Fault, match="lines: expected 1 to 100") as caught:
        await device.last_lines(lines)
    assert caught.value.status == 400
