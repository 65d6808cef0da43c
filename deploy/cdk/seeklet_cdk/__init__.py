"""seeklet as a construct of the AWS CDK: what template.yaml makes, for those whose stacks are written in Python.

from seeklet_cdk.search import SeekletSearch
from seeklet_cdk.parameters import Parameters
"""
