"""Asks a Prometheus: do all panels of a dashboard have data, does an alert fire, is it over?

ask.py URL panels DASHBOARD | ask.py URL fires|over ALERT SECONDS | ask.py URL value EXPR
"""

import json
import math
import sys
import time
import urllib.parse
import urllib.request

# What is asked is on this machine, whatever proxy there is.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def get(url, path, **query):
    with OPENER.open(f"{url}/api/v1/{path}?{urllib.parse.urlencode(query)}", timeout=10) as answer:
        return json.load(answer)["data"]


def values(url, expr):
    result = get(url, "query", query=expr)["result"]
    return [value for value in (float(sample["value"][1]) for sample in result) if not math.isnan(value)]


def panels(url, dashboard):
    with open(dashboard, encoding="utf-8") as file:
        dashboard = json.load(file)
    asked, empty = 0, []
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            expr = target["expr"].replace("$__rate_interval", "1m").replace("$instance", ".*")
            assert "$" not in expr, f"a variable that nobody fills in: {expr}"
            found = values(url, expr)
            asked += 1
            print(f"{panel['title']}: {len(found)} series, such as {found[:1]}")
            if not found:
                empty.append(f"{panel['title']}: {expr}")
    assert asked >= 20, f"only {asked} queries in it"
    assert not empty, "without data:\n" + "\n".join(empty)
    instances = get(url, "label/instance/values", **{"match[]": "docker_mcp_build_info"})
    assert len(instances) == 1, f"the dashboard's variable has {instances}"


def fires(url, alert):
    alerts = get(url, "alerts")["alerts"]
    return any(one["labels"]["alertname"] == alert and one["state"] == "firing" for one in alerts)


def waits(url, alert, wanted, seconds):
    begin = time.monotonic()
    while fires(url, alert) != wanted:
        assert time.monotonic() - begin < seconds, f"{alert}: not within {seconds} s"
        time.sleep(0.3)
    print(f"{alert}: after {time.monotonic() - begin:.1f} s")


def main():
    url, what, *rest = sys.argv[1:]
    try:
        if what == "panels":
            panels(url, *rest)
        elif what == "value":
            print(values(url, *rest))
        else:
            waits(url, rest[0], what == "fires", float(rest[1]))
    except AssertionError as wrong:
        sys.exit(str(wrong))


main()
