"""A window to drag files onto, which copies them as a file manager does: drag_target.py FOLDER SIGN.

It makes the file SIGN when it would take what is dragged, and ends when it has it."""
import pathlib
import sys

import gi

gi.require_version("Gdk", "3.0")
gi.require_version("Gtk", "3.0")
from gi.repository import Gio, GLib

# What its X windows are known by, once there is GTK.
GLib.set_prgname("drag-target")
from gi.repository import Gdk, Gtk


def over(_area, context, _x, _y, time):
    pathlib.Path(sys.argv[2]).touch()
    Gdk.drag_status(context, Gdk.DragAction.COPY, time)
    return True


def take(area, context, _x, _y, time):
    area.drag_get_data(context, area.drag_dest_find_target(context, None), time)
    return True


def copy(_area, context, _x, _y, data, _info, time):
    folder = Gio.File.new_for_path(sys.argv[1])
    for uri in data.get_uris():
        file = Gio.File.new_for_uri(uri)
        file.copy(folder.get_child(file.get_basename()), Gio.FileCopyFlags.NONE, None, None, None)
    Gtk.drag_finish(context, True, False, time)
    Gtk.main_quit()


area = Gtk.EventBox()
area.drag_dest_set(0, [], Gdk.DragAction.COPY)
area.drag_dest_add_uri_targets()
area.connect("drag-motion", over)
area.connect("drag-drop", take)
area.connect("drag-data-received", copy)
window = Gtk.Window(title="Another folder", default_width=240, default_height=240)
window.add(area)
window.show_all()
Gtk.main()
