"""What the web server runs."""

from portal.arriving import serving
from portal.wsgi import application as site

application = serving(site)
