"""Where the packages of the extra `bench` come from."""

HOW_TO_GET = "install the extra with: make bench-setup (or: pip install 'softphone[bench]')"
