"""What a service keeps: tables (``database``) and small values across sleep (``state``)."""
