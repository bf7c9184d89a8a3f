"""Start the command, so that Ctrl-C leaves no traceback even while its parts are loaded."""

from hifigan.errors import user_errors_exit

if __name__ == "__main__":
    with user_errors_exit():
        from vits.prepare.command import main  # here: it takes seconds

        main()
