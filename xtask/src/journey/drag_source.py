"""A window to drag a file out of, by GTK's own drag and drop: drag_source.py URI."""
import sys

import gi

gi.require_version("Gdk", "3.0")
gi.require_version("Gtk", "3.0")
from gi.repository import GLib

# What its X windows are known by, once there is GTK.
GLib.set_prgname("drag-source")
from gi.repository import Gdk, Gtk

area = Gtk.EventBox()
area.drag_source_set(Gdk.ModifierType.BUTTON1_MASK, [], Gdk.DragAction.COPY)
area.drag_source_add_uri_targets()
area.connect("drag-data-get", lambda _area, _context, data, _info, _time: data.set_uris(sys.argv[1:]))
area.connect("drag-end", lambda *_: Gtk.main_quit())
window = Gtk.Window(title="A folder", default_width=240, default_height=240)
window.add(area)
window.show_all()
Gtk.main()
