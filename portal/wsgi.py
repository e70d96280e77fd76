"""The WSGI application that the web server runs."""

import gc
import os
from importlib import import_module

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

application = get_wsgi_application()
import_module("portal.watch.traffic").tell_for_ever()  # models are loaded by now

# What is loaded now stays: the collector need not walk through it again and again while requests come and go.
gc.collect()
gc.freeze()
