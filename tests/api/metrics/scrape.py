"""What Prometheus would read from a server."""

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from tests.api.told import Api


class Scrape:
    """The samples of one moment."""

    def __init__(self, text: str) -> None:
        self.families = list(text_string_to_metric_families(text))
        self.samples: list[Sample] = [each for family in self.families for each in family.samples]

    def value(self, name: str, **labels: str) -> float:
        """Return the only sample with this name and these labels; others it may have as well."""
        (value,) = self.values(name, **labels)
        return value

    def values(self, name: str, **labels: str) -> list[float]:
        """Return all samples with this name and these labels."""
        return [
            sample.value
            for sample in self.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        ]

    def of_account(self, account_id: str) -> set[str]:
        """Return the names of all samples of an account."""
        samples = self.samples
        return {sample.name for sample in samples if sample.labels.get("account") == account_id}


async def scrape(api: Api) -> Scrape:
    """Read all samples."""
    answer = await api.get("/metrics")
    assert answer.status == 200
    return Scrape(await answer.text())
