"""Reads a run's event files with TensorBoard's own reader and compares them with its log.csv, row by row.

    pip install tensorboard==2.21.0
    python tools/golden/event_files.py RUN      # the folder of a run, resumed or not

Prints the tags with their number of points. Exit code 1 and a line for each difference: a row of the log that is not there
or has another value, a step that stands twice, a histogram whose counts are not 100 percent, a picture that is no PNG.
"""
import csv, math, pathlib, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

run = pathlib.Path(sys.argv[1])
reader = EventAccumulator(str(run), size_guidance={'scalars': 0, 'histograms': 0, 'images': 0})
reader.Reload()
tags = reader.Tags()
wrong = []
points = {tag: {e.step: e.value for e in reader.Scalars(tag)} for tag in tags['scalars']}
for tag in tags['scalars']:
    print(f'{tag}: {len(points[tag])} points')
    if len(points[tag]) != len(reader.Scalars(tag)):
        wrong.append(f'{tag}: a step stands twice')
for row in csv.DictReader(open(run / 'log.csv')):
    for column, tag in {'train_loss': 'epoch/train_loss', 'test_top1': 'test/top1', 'test_top5': 'test/top5', 'test_loss': 'test/loss',
                        'holdout_top1': 'holdout/top1', 'ema_top1': 'test/ema_top1', 'router_accuracy': 'router/test_accuracy'}.items():
        is_there = points.get(tag, {}).get(int(row['steps']))
        if row[column] == '' and is_there is None:
            continue
        if is_there is None or row[column] == '' or not math.isclose(is_there, float(row[column]), rel_tol=1e-5):
            wrong.append(f"{tag} at step {row['steps']}: {is_there}, log.csv has {row[column] or 'nothing'}")
for tag in tags['histograms']:
    events = reader.Histograms(tag)
    print(f'{tag}: {len(events)} histograms')
    for event in events:
        if not math.isclose(sum(event.histogram_value.bucket), 100, rel_tol=1e-6):
            wrong.append(f'{tag} at step {event.step}: counts sum to {sum(event.histogram_value.bucket)}')
for tag in tags['images']:
    events = reader.Images(tag)
    print(f'{tag}: {len(events)} pictures of {events[0].width} x {events[0].height}')
    for event in events:
        if not event.encoded_image_string.startswith(b'\x89PNG'):
            wrong.append(f'{tag} at step {event.step}: is no PNG')
print('\n'.join(wrong) or 'agrees with log.csv')
sys.exit(bool(wrong))
