"""The ground: files, versions, devices, interrupts, progress and errors; nothing here knows of videos."""
