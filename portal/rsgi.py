"""What the web server runs."""

from importlib import import_module

from portal.arriving import serving
from portal.wsgi import application as site

import_module("portal.watch.traffic").tell_for_ever()  # models are loaded by now

application = serving(site)
