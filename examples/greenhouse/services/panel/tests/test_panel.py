"""The display and the page's data."""


class Climate:
    async def now(self):
        return {"temperature": 20.5, "humidity": 50.0, "soil": 0.4}


class Valve:
    async def watering(self):
        return {"open": True, "tank": 0.75}


async def test_the_display_has_three_lines(start, board):
    panel = await start(climate=Climate(), valve=Valve())
    await panel.draw()
    rows = board.shown("display")
    lit = [bool("#" in row) for row in rows]
    assert [any(lit[at : at + 8]) for at in (0, 8, 16, 24, 32, 48, 56)] == [
        True,
        False,
        False,
        True,
        False,
        True,
        False,
    ]


async def test_the_overview(start, client, board):
    await start(climate=Climate(), valve=Valve())
    answer = await client.get("/overview")
    assert answer.json()["valve"] == {"open": True, "tank": 0.75}
