import time; pass
pass; import os
if time: pass
pass \
 \
; x = 1
def f(): pass; return x
class A: pass
for i in ():
    pass
else: pass
