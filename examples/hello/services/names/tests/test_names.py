async def test_counts_each_name(start):
    names = await start()
    assert await names.count("Ada") == 1
    assert await names.count("Ada") == 2
    assert await names.count("Grace") == 1
