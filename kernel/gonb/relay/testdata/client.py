"""Drives a kernel through jupyter_client, and prints one JSON object a line about what it saw."""
import json
import sys
import threading
import time
from queue import Empty

from jupyter_client import BlockingKernelClient

kc = BlockingKernelClient(connection_file=sys.argv[1])
kc.load_connection_file()
kc.start_channels()
kc.wait_for_ready(timeout=60)


def tell(step, **what):
    print(json.dumps({"step": step, **what}), flush=True)


def run(step, code, **kw):
    text, kinds, metadata = {"stdout": "", "stderr": ""}, [], kw.pop("metadata", {})
    begin = time.time()
    content = dict(code=code, silent=False, store_history=True, user_expressions={}, allow_stdin=False, stop_on_error=True)
    content.update(kw)
    content = {k: v for k, v in content.items() if v is not None}
    msg = kc.session.msg("execute_request", content, metadata=metadata)
    kc.shell_channel.send(msg)
    while True:
        m = kc.get_iopub_msg(timeout=60)
        if m["parent_header"].get("msg_id") != msg["header"]["msg_id"]:
            if m["msg_type"] != "status":  # that of a request on the control socket
                kinds.append("stray " + m["msg_type"])
            continue
        kind, c = m["msg_type"], m["content"]
        if kind == "stream":
            text[c["name"]] += c["text"]
        elif kind == "status":
            kinds.append(c["execution_state"])
            if c["execution_state"] == "idle":
                break
        else:
            kinds.append(kind)
    reply = kc.get_shell_msg(timeout=60)
    tell(step, status=reply["content"]["status"], count=reply["content"].get("execution_count"), kinds=kinds,
         parent=reply["parent_header"]["msg_id"] == msg["header"]["msg_id"], seconds=time.time() - begin, **text)


def ask(step, call, *args, **kw):
    call(*args, **kw)
    m = kc.get_shell_msg(timeout=10)
    tell(step, type=m["msg_type"], **m["content"])


run("hello", "%%\nfmt.Println(\"hello\")")
run("compiler", "%%\nundefinedName()")
run("cell id", "%%\nfmt.Print(os.Getenv(\"PARE_CELL\"))", metadata={"cellId": "cell-7"})
run("no history", "%%\nfmt.Print(1)", store_history=False)
run("bare request", "%%\nfmt.Print(2)", silent=None, store_history=None, allow_stdin=None)

ids = [kc.execute(c) for c in ("%%\npanic(\"first\")", "%%\nfmt.Print(\"second ran\")", "%%\nfmt.Print(\"third ran\")")]
replies = {}
while len(replies) < 3:
    m = kc.get_shell_msg(timeout=60)
    replies[m["parent_header"]["msg_id"]] = m["content"]["status"]
tell("queue", statuses=[replies[i] for i in ids])
try:
    while True:
        kc.get_iopub_msg(timeout=0.5)
except Empty:
    pass


def interrupt():
    kc.control_channel.send(kc.session.msg("kernel_info_request", {}))
    begin = time.time()
    kind = kc.get_control_msg(timeout=10)["msg_type"]
    tell("info while busy", type=kind, seconds=time.time() - begin)
    kc.control_channel.send(kc.session.msg("interrupt_request", {}))
    tell("interrupt", type=kc.get_control_msg(timeout=10)["msg_type"])


threading.Timer(1.5, interrupt).start()
run("interrupted", "%%\ntime.Sleep(time.Minute)")
threading.Timer(0.05, interrupt).start()
run("interrupted early", "%%\ntime.Sleep(time.Minute) // while it is compiled")

right = kc.session.key
kc.session.key = b"wrong"
kc.execute("%%\nfmt.Println(\"evil\")")
kc.session.key = right
run("after a forged message", "%%\nfmt.Println(\"alive\")")

ask("complete", kc.is_complete, "func f() {}")
ask("incomplete", kc.is_complete, "func f() {\n\tg(")
ask("history", kc.history, hist_access_type="tail", n=1)
ask("comms", kc.comm_info)
ask("info", kc.kernel_info)
kc.control_channel.send(kc.session.msg("shutdown_request", {"restart": False}))
m = kc.get_control_msg(timeout=10)
tell("shutdown", type=m["msg_type"], **m["content"])
kc.stop_channels()
