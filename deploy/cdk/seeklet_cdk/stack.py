"""A stack of the construct alone, with template.yaml's outputs."""

from __future__ import annotations

from pathlib import Path

from aws_cdk import CfnOutput, Stack
from constructs import Construct

from seeklet_cdk.parameters import Parameters
from seeklet_cdk.search import SeekletSearch

QUERY = (
    """-H 'content-type: application/json' -d '{"text": "europe climate change storm", "num_results": 5}'"""
)


class SeekletStack(Stack):
    """A stack with one SeekletSearch, `search`."""

    def __init__(
        self, scope: Construct, construct_id: str, parameters: Parameters, *, build: Path | str
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            description="seeklet, semantic search over short texts in one Lambda function",
        )
        self.search = SeekletSearch(self, "Search", parameters, build=build)
        url = self.search.url
        self._tell("Url", "The address of the service", url)
        self._tell("Curl", "A command line for a first query", f"curl -s {url}similar {QUERY}")
        name = self.search.function.function_name
        self._tell("FunctionName", "The function's name for `aws lambda invoke`", name)
        arn = self.search.alias.function_arn
        self._tell("AliasArn", "The alias that callers inside AWS invoke", arn)
        self._tell("LogGroupName", "The function's log group", self.search.log_group.log_group_name)

    def _tell(self, name: str, description: str, value: str) -> None:
        CfnOutput(self, name, description=description, value=value)
