import sys

from vosmem.cli import main

sys.exit(main())
