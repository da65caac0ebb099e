"""What is told of a training while it runs."""

from tqdm import tqdm

from chexnomaly.training.schedule import History, Schedule


def progress_bar(schedule: Schedule, history: History) -> tqdm:
    """Make the bar that counts epochs."""
    return tqdm(
        total=schedule.epochs, initial=history.epoch, unit="epoch", mininterval=5
    )


def report_epoch(bar: tqdm, history: History, images_per_s: float) -> None:
    """Move the bar on by an epoch and show its losses."""
    bar.set_postfix(
        loss=f"{history.train_loss[-1]:.4f}",
        val_loss=f"{history.val_loss[-1]:.4f}",
        images_per_s=f"{images_per_s:.0f}",
        refresh=False,
    )
    bar.update()
