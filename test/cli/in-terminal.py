"""Runs a command in a terminal of 120 x 30, makes that 70 x 8 once it has drawn, then types Ctrl-C.
Prints one JSON document: what it drew in each size, after Ctrl-C, and its exit code."""
import fcntl, json, os, pty, select, struct, sys, termios, time

def resize(fd, rows, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

pid, fd = pty.fork()
if pid == 0:
    time.sleep(0.3)
    os.execvp(sys.argv[2], sys.argv[2:])
resize(fd, 30, 120)

def read_until(text, seconds):
    out, end = b"", time.monotonic() + seconds
    while time.monotonic() < end:
        if select.select([fd], [], [], 0.1)[0]:
            try:
                got = os.read(fd, 65536)
            except OSError:
                break
            if not got:
                break
            out += got
            if text is not None and text in out:
                break
    return out.decode("utf8", "replace")

DRAWN = b"\x1b[?2026l"
wide = read_until(DRAWN, 60)
resize(fd, 8, 70)
narrow = read_until(DRAWN, 30)
again = "" if len(sys.argv[1]) == 0 else read_until(sys.argv[1].encode(), 60)
os.write(fd, b"\x03")
after = read_until(None, 30)
_, status = os.waitpid(pid, 0)
print(json.dumps({"wide": wide, "narrow": narrow, "again": again, "after": after,
                  "exitCode": os.waitstatus_to_exitcode(status)}))
