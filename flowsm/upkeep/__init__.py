"""The care of a log that grows: backup, anchors, examination, archives."""
