# The main.py of an image that takes updates: one on trial that ends with an error is taken back.
try:
    import os

    if ".trial" in os.listdir("/"):
        import slots

        slots.guard()
        from torpor.update import trial

        trial.begin()
    from torpor import kernel

    kernel.run()
except KeyboardInterrupt:  # somebody wants the prompt
    raise
except BaseException as e:  # also SystemExit
    import slots

    slots.failed("%s: %s" % (type(e).__name__, e))
    raise
