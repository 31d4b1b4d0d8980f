"""Version changes, scalings, kills, crashes and drains, with requests out at every instant."""
from bench import say
from storm import Storm


def measure(bed):
    platform = bed.installed()
    platform.deploy(1, rollout={"keep": "0s"})
    rounds = bed.many(50, 2)
    with platform.load(1, rate=100) as load:
        storm = Storm(platform, load)
        for number in range(rounds):
            storm.change()
            storm.scale()
            if number % 5 == 0:
                storm.kill()
                storm.crash()
                storm.drain()
            report = load.report()
            say(storm.done, {name: report[name] for name in ("sent", "answered", "failed", "kinds")})
    platform.space.kubectl("delete", "md", platform.name)
    result, done = load.result, storm.done
    yield (f"failed of {result['sent']} requests: {', '.join(f'{count} {name}' for name, count in done.items())}", "0", str(result["failed"]),
           result["failed"] == 0 and done["changes"] >= rounds)
