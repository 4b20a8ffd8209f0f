"""`python -m glmtts`, for launchers that start a module (`torchrun -m glmtts train …`)."""

from glmtts.cli import main

if __name__ == "__main__":
    main()
