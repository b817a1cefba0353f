"""Generate pictures with a diffusion model: fifty small steps clear up noise.

Needs: pip install torch diffusers matplotlib
"""

# %% load a model that someone else trained
from diffusers import DDIMPipeline

pipeline = DDIMPipeline.from_pretrained("google/ddpm-cifar10-32")
unet, scheduler = pipeline.unet, pipeline.scheduler
size, channels = unet.config.sample_size, unet.config.in_channels
print(f"{unet.num_parameters():,} parameters, pictures of {size} x {size} pixels")

# %% ask it for eight pictures
import matplotlib.pyplot as plt
import torch

chance = torch.Generator().manual_seed(7)  # the same noise, the same pictures
how = {"num_inference_steps": 50, "eta": 1.0}  # eta 0 adds no fresh noise on the way
pictures = pipeline(8, chance, **how, output_type="np").images
about = f"Eight generated pictures of {size} x {size} pixels, in two rows"
figure, grid = plt.subplots(2, 4, figsize=(6.4, 3.4), label=about)
for picture, axes in zip(pictures, grid.flat):
    axes.imshow(picture, cmap="gray", vmin=0, vmax=1)
    axes.axis("off")
plt.show()

# %% the same by hand and step by step
noisy = torch.randn(8, channels, size, size, generator=chance.manual_seed(7))
scheduler.set_timesteps(50)
kept = [noisy]
with torch.inference_mode():
    for step, time in enumerate(scheduler.timesteps, start=1):
        said = unet(noisy, time).sample  # which part of it is noise
        cleared = scheduler.step(said, time, noisy, eta=1.0, generator=chance)
        noisy = cleared.prev_sample  # a little less of it
        if step % 10 == 0:
            kept.append(noisy)
kept = [(noisy / 2 + 0.5).clamp(0, 1).permute(0, 2, 3, 1).numpy() for noisy in kept]
print(f"off from the pipeline's own by {abs(kept[-1] - pictures).max():.2f} at most")

# %% watch them come out of the noise
about = "Three pictures, one a row: noise on the left, the clear picture on the right"
figure, grid = plt.subplots(3, len(kept), figsize=(6.4, 3.4), label=about)
for column, stage in enumerate(kept):
    for axes, picture in zip(grid[:, column], stage):
        axes.imshow(picture, cmap="gray", vmin=0, vmax=1)
        axes.axis("off")
    grid[0, column].set_title(f"step {column * 10}", fontsize=9)
plt.show()
