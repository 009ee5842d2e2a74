"""What others test their parts with: one contract suite for each seam, and servers to try a provider against.

Needs the extra `notifier[testing]`. Each module is imported on its own, so that none asks for what another one needs.
"""
