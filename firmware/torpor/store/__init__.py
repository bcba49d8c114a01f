"""The data of a service: tables (``database``) and small values across sleep (``state``)."""
